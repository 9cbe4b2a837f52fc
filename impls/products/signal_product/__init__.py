"""The product of two fields on the sphere with values in irreps."""
