"""Features turned by rotations: Wigner matrices, built and applied."""
