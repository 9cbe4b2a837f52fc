"""A map without symmetry made equivariant: the mean of what it says over frames, or over a group.

`operation` has the formula, `backbone` the maps, `finite` groups of finitely many elements, and
`layer` the algorithms.
"""
