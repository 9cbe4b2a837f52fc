"""Parity-split matrix product as one bilinear map, by the kernel of trilinear forms.

The conversions of the four products are multiplied out once, as in `matrix` [@unke2024]; O(L^5)
multiplications.
"""

from __future__ import annotations

import numpy as np

from impls.families.product import irreps_of
from impls.growth import Growth
from impls.kernels.form import TrilinearForm
from impls.problem import Problem
from impls.products import forms
from impls.products.fused_matrix.dense import part_of
from impls.products.fused_matrix.operation import PARTS, segments_of
from impls.products.matrix.dense import conversion, multiplied
from impls.products.matrix.operation import block_of
from impls.so3.irreps import Irreps


def form_of(problem: Problem) -> TrilinearForm:
    """Return the form of the product."""
    first, second, out = irreps_of(problem)
    j, segments = block_of(problem), segments_of(problem)
    tables = []
    for p, q in PARTS:
        items = tuple(out.items[i3] for part, i3 in segments if part == (p, q))
        if items:
            x, y = part_of(first, j, p), part_of(second, j, q)
            tables.append(multiplied(x, y, conversion(Irreps(items), j)))
    return TrilinearForm.dense(np.concatenate(tables, axis=2))


ALGORITHM = forms.algorithm(
    "fused_matrix", form_of, papers=("unke2024",), growth=Growth({"lmax": 5, "channels": 1})
)
