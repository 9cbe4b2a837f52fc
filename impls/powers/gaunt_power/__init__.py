"""The Gaunt power: the nu-th power of a function on the sphere."""
