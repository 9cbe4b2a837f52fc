"""Gaunt product on its nonzero coefficients, by the C kernel of trilinear forms.

O(L^5) multiplications [@luo2024] [@xie2025].
"""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.implementation import Built
from impls.kernels.form import TrilinearForm
from impls.problem import Problem
from impls.products import forms
from impls.products.gaunt.coefficients import coefficient_matrix


def kernel(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm in a framework."""
    return forms.product(TrilinearForm.dense(coefficient_matrix(problem)), b)


ALGORITHM = Algorithm(
    "gaunt",
    "kernel",
    "sparse coefficients in C",
    kernel,
    supports=forms.supports,
    papers=("luo2024", "xie2025"),
)
