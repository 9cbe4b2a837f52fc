"""Parity-split matrix product as one bilinear map, by the C kernel of trilinear forms.

The conversions of the four products are multiplied out once, as in `matrix` [@unke2024]; O(L^5)
multiplications.
"""

from __future__ import annotations

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built
from impls.kernels.form import TrilinearForm
from impls.problem import Problem
from impls.products import forms
from impls.products.fused_matrix.dense import part_of
from impls.products.fused_matrix.operation import PARTS, segments_of
from impls.products.matrix.dense import conversion, multiplied
from impls.products.matrix.operation import block_of
from impls.so3.irreps import Irreps


def kernel(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm in a framework."""
    first, second, out = irreps_of(problem)
    j, segments = block_of(problem), segments_of(problem)
    tables = []
    for p, q in PARTS:
        items = tuple(out.items[i3] for part, i3 in segments if part == (p, q))
        if items:
            x, y = part_of(first, j, p), part_of(second, j, q)
            tables.append(multiplied(x, y, conversion(Irreps(items), j)))
    return forms.product(TrilinearForm.dense(np.concatenate(tables, axis=2)), b)


ALGORITHM = Algorithm(
    "fused_matrix",
    "kernel",
    "sparse coefficients in C",
    kernel,
    supports=forms.supports,
    papers=("unke2024",),
    growth=Growth({"lmax": 5, "channels": 1}),
)
