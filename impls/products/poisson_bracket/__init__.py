"""The Poisson bracket: the antisymmetric product of two functions on the sphere."""
