"""Gaunt product on its nonzero coefficients, by the kernel of trilinear forms.

O(L^5) multiplications [@luo2024] [@xie2025].
"""

from __future__ import annotations

from impls.kernels.form import TrilinearForm
from impls.problem import Problem
from impls.products import forms
from impls.products.gaunt.coefficients import coefficient_matrix


def form_of(problem: Problem) -> TrilinearForm:
    """Return the form of the product."""
    return TrilinearForm.dense(coefficient_matrix(problem))


ALGORITHM = forms.algorithm("gaunt", form_of, papers=("luo2024", "xie2025"))
