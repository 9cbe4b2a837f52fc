"""Gaunt product and Poisson bracket on their coefficients, by the C kernel of trilinear forms.

Both halves are one form, which shares the products x_i y_j; O(L^5) multiplications.
"""

from __future__ import annotations

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.implementation import Built
from impls.kernels.form import TrilinearForm
from impls.problem import Problem
from impls.products import forms
from impls.products.gaunt import coefficients as gaunt
from impls.products.gaunt_bracket.operation import halves
from impls.products.poisson_bracket import coefficients as bracket


def kernel(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm in a framework."""
    first, second = halves(problem)
    both = gaunt.coefficient_matrix(first), bracket.coefficient_matrix(second)
    return forms.product(TrilinearForm.dense(np.concatenate(both, axis=2)), b)


ALGORITHM = Algorithm(
    "gaunt_bracket",
    "kernel",
    "sparse coefficients in C",
    kernel,
    supports=forms.supports,
    papers=("luo2024", "bochkarev2026"),
)
