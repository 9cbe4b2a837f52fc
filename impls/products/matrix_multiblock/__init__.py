"""The matrix product with all blocks of spherical matrices."""
