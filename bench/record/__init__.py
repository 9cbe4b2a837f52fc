"""What is kept: cases, rows, fingerprints of code and machines."""
