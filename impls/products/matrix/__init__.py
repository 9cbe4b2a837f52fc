"""The matrix tensor product: the product of two matrices of spherical tensors."""
