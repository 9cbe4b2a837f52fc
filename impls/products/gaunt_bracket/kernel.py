"""Gaunt product and Poisson bracket on their coefficients, by the kernel of trilinear forms.

Both halves are one form, which shares the products x_i y_j; O(L^5) multiplications.
"""

from __future__ import annotations

import numpy as np

from impls.kernels.form import TrilinearForm
from impls.problem import Problem
from impls.products import forms
from impls.products.gaunt import coefficients as gaunt
from impls.products.gaunt_bracket.operation import halves
from impls.products.poisson_bracket import coefficients as bracket


def form_of(problem: Problem) -> TrilinearForm:
    """Return the form of the product."""
    first, second = halves(problem)
    both = gaunt.coefficient_matrix(first), bracket.coefficient_matrix(second)
    return TrilinearForm.dense(np.concatenate(both, axis=2))


ALGORITHM = forms.algorithm("gaunt_bracket", form_of, papers=("luo2024", "bochkarev2026"))
