"""Spin-weighted Gaunt product on its nonzero coefficients, by the kernel of trilinear forms.

O(L^5) multiplications [@lin2026].
"""

from __future__ import annotations

from impls.kernels.form import TrilinearForm
from impls.problem import Problem
from impls.products import forms
from impls.products.spin_gaunt.coefficients import coefficient_matrix


def form_of(problem: Problem) -> TrilinearForm:
    """Return the form of the product."""
    return TrilinearForm.dense(coefficient_matrix(problem))


ALGORITHM = forms.algorithm("spin_gaunt", form_of, papers=("lin2026",))
