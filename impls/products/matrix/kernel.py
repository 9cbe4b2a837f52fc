"""Matrix product as a bilinear map of features, by the C kernel of trilinear forms.

The conversions are multiplied out once, T[i, j, k] = tr(X_i Y_j Z_k^T), so that no matrix is formed
in the call [@unke2024]. O(L^5) multiplications where the conversions and X Y have O(L^4): fewer
numbers are moved.
"""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built
from impls.kernels.form import TrilinearForm
from impls.problem import Problem
from impls.products import forms
from impls.products.matrix.dense import conversion, multiplied
from impls.products.matrix.operation import block_of, coefficients


def kernel(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm in a framework."""
    parts, j = irreps_of(problem), block_of(problem)
    reached = sorted({i3 for _, _, i3 in coefficients(problem)})
    x, y = (conversion(irreps, j) for irreps in parts[:2])
    return forms.product(TrilinearForm.dense(multiplied(x, y, conversion(parts[2], j, reached))), b)


ALGORITHM = Algorithm(
    "matrix",
    "kernel",
    "sparse coefficients in C",
    kernel,
    supports=forms.supports,
    papers=("unke2024",),
    growth=Growth({"lmax": 5, "channels": 1}),
)
