"""Cartesian matrices as a bilinear map of features, by the kernel of trilinear forms.

The conversions are multiplied out once: no matrix is formed in the call. Degrees up to 2, fixed
coefficients [@simeon2023].
"""

from __future__ import annotations

import numpy as np

from impls.families.product import irreps_of
from impls.kernels.form import TrilinearForm
from impls.problem import Problem
from impls.products import forms
from impls.products.cartesian_matrix.dense import conversion
from impls.products.cartesian_matrix.operation import anticommutes, coefficients


def form_of(problem: Problem) -> TrilinearForm:
    """Return the form of the product."""
    x, y, z = (conversion(irreps).reshape(-1, 3, 3) for irreps in irreps_of(problem))
    table = np.einsum("iab,jbc,kac->ijk", x, y, z, optimize=True)
    if anticommutes(problem):
        table = table + np.einsum("iab,jca,kcb->ijk", x, y, z, optimize=True)
    else:
        table = 2 * table
    out = irreps_of(problem)[2]
    ends = {i3 for _, _, i3 in coefficients(problem)}
    table *= np.repeat([i3 in ends for i3 in range(len(out))], [ir.dim for _, ir in out])
    return TrilinearForm.dense(table)


ALGORITHM = forms.algorithm("cartesian_matrix", form_of, papers=("simeon2023",))
