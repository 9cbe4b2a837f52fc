"""Low-rank product multiplied out, by the C kernel of trilinear forms.

The R terms are summed once into one tensor, which has few zeros: O(L^6) multiplications on one
pass over the data, where three matrix products have O(R L^2) [@lin2025].
"""

from __future__ import annotations

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.growth import Growth
from impls.implementation import Built
from impls.kernels.form import TrilinearForm
from impls.problem import Problem
from impls.products import forms
from impls.products.low_rank.factors import factors


def kernel(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm in a framework."""
    table = np.einsum("ir,jr,kr->ijk", *factors(problem), optimize=True)
    return forms.product(TrilinearForm.dense(table), b)


ALGORITHM = Algorithm(
    "low_rank",
    "kernel",
    "terms multiplied out, in C",
    kernel,
    supports=forms.supports,
    papers=("lin2025",),
    growth=Growth({"lmax": 6, "channels": 1}),
)
