"""PONITA and PNITA: convolution over positions and orientations, or over positions alone.

`grid` has the orientations, `operation` the formulas, and `layer` the algorithms.
"""
