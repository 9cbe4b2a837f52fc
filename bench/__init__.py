"""How it is measured: cases, clocks, probes, workers, rows."""
