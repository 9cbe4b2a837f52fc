"""The Gaunt tensor product: the product of two functions on the sphere."""
