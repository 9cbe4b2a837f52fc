"""Recurrent layers of sequences of images, plain and equivariant under flows.

`operation` has the formula, `velocities` which flows a layer knows and what they do to states, and
`layer` the algorithms; the motions of sequences are in `impls.groups.flows`.
"""
