"""Gaunt product and Poisson bracket by explicit coefficients: one outer product, one matrix.

z = (x outer y) (G, A) with both matrices of coefficients side by side; O(L^6) multiplications.
"""

from __future__ import annotations

import numpy as np

from impls.implementation import Built
from impls.problem import Problem
from impls.products.backend import Backend
from impls.products.gaunt import coefficients as gaunt
from impls.products.gaunt_bracket.operation import halves
from impls.products.poisson_bracket import coefficients as bracket


def coefficients(problem: Problem, backend: Backend) -> Built:
    """Build the algorithm in a framework."""
    first, second = halves(problem)
    both = gaunt.coefficient_matrix(first), bracket.coefficient_matrix(second)
    return gaunt.outer_product(np.concatenate(both, axis=2), backend)
