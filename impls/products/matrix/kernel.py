"""Matrix product as a bilinear map of features, by the kernel of trilinear forms.

The conversions are multiplied out once, T[i, j, k] = tr(X_i Y_j Z_k^T), so that no matrix is formed
in the call [@unke2024]. O(L^5) multiplications where the conversions and X Y have O(L^4): fewer
numbers are moved.
"""

from __future__ import annotations

from impls.families.product import irreps_of
from impls.growth import Growth
from impls.kernels.form import TrilinearForm
from impls.problem import Problem
from impls.products import forms
from impls.products.matrix.dense import conversion, multiplied
from impls.products.matrix.operation import block_of, coefficients


def form_of(problem: Problem) -> TrilinearForm:
    """Return the form of the product."""
    parts, j = irreps_of(problem), block_of(problem)
    reached = sorted({i3 for _, _, i3 in coefficients(problem)})
    x, y = (conversion(irreps, j) for irreps in parts[:2])
    return TrilinearForm.dense(multiplied(x, y, conversion(parts[2], j, reached)))


ALGORITHM = forms.algorithm(
    "matrix", form_of, papers=("unke2024",), growth=Growth({"lmax": 5, "channels": 1})
)
