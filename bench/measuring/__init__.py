"""What runs in a worker: a case built, clocks, frameworks, the gate and all probes."""
