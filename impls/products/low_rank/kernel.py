"""Low-rank product multiplied out, by the kernel of trilinear forms.

The R terms are summed once into one tensor, which has few zeros: O(L^6) multiplications on one
pass over the data, where three matrix products have O(R L^2) [@lin2025].
"""

from __future__ import annotations

import numpy as np

from impls.growth import Growth
from impls.kernels.form import TrilinearForm
from impls.problem import Problem
from impls.products import forms
from impls.products.low_rank.factors import factors


def form_of(problem: Problem) -> TrilinearForm:
    """Return the form of the product."""
    table = np.einsum("ir,jr,kr->ijk", *factors(problem), optimize=True)
    return TrilinearForm.dense(table)


ALGORITHM = forms.algorithm(
    "low_rank",
    form_of,
    papers=("lin2025",),
    title="terms multiplied out, one kernel",
    growth=Growth({"lmax": 6, "channels": 1}),
)
