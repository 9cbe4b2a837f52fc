"""Gaunt product and Poisson bracket by explicit coefficients: one outer product, one matrix.

z = (x outer y) (G, A) with both matrices of coefficients side by side; O(L^6) multiplications.
"""

from __future__ import annotations

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.growth import Growth
from impls.implementation import Built
from impls.problem import Problem
from impls.products.gaunt import coefficients as gaunt
from impls.products.gaunt_bracket.operation import halves
from impls.products.poisson_bracket import coefficients as bracket


def coefficients(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    first, second = halves(problem)
    both = gaunt.coefficient_matrix(first), bracket.coefficient_matrix(second)
    return gaunt.outer_product(np.concatenate(both, axis=2), b)


ALGORITHM = Algorithm(
    "gaunt_bracket",
    "coefficients",
    "explicit coefficients",
    coefficients,
    papers=("luo2024", "bochkarev2026"),
    growth=Growth({"lmax": 6, "channels": 1}),
)
