"""A map without symmetry made equivariant: the mean of what it says over frames, or over a group.

`operation` has the formula, `backbone` the maps, `axes` what frames of principal axes share, and
`layer` the algorithms; finite groups are in `impls.groups.finite`.
"""
