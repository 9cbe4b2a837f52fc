"""What measures: the run, its trials, the pool of workers, comparisons in pairs."""
