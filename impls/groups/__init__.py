"""Symmetry groups: how to draw, compose and invert elements, with their named subgroups.

A Lie group also names its `generators`, as one-parameter subgroups t -> exp(t X), and some groups
have an `orbit`: elements in an order that can be drawn, with their coordinates.
"""

from impls.groups.direct_product import direct_product
from impls.groups.euclidean import euclidean
from impls.groups.flows import flows
from impls.groups.group import Element, Group, Orbit, Sample
from impls.groups.linear import linear
from impls.groups.permutations import symmetric
from impls.groups.power import power
from impls.groups.rotations import circle, cyclic, inversion, orthogonal, plane, rotations
from impls.groups.shifts import shifts

__all__ = [
    "Element",
    "Group",
    "Orbit",
    "Sample",
    "circle",
    "cyclic",
    "direct_product",
    "euclidean",
    "flows",
    "inversion",
    "linear",
    "orthogonal",
    "plane",
    "power",
    "rotations",
    "shifts",
    "symmetric",
]
