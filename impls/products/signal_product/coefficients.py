"""Signal product by its explicit coefficients: one outer product times one dense matrix.

z = (x outer y) T with T [dim(x) dim(y), dim(z)], O(L^6) multiplications in one matrix product
[@xie2026].
"""

from __future__ import annotations

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.field import irreps_of
from impls.growth import Growth
from impls.implementation import Built
from impls.problem import Problem
from impls.products.gaunt.coefficients import outer_product
from impls.products.signal_product.operation import coefficients_of
from impls.so3.wigner import wigner_3j


def coefficient_matrix(problem: Problem) -> np.ndarray:
    """Return all coefficients [dim(x), dim(y), dim(z)]."""
    first, second, out = irreps_of(problem)
    in1, in2, in3 = first.slices(), second.slices(), out.slices()
    matrix = np.zeros((first.dim, second.dim, out.dim))
    for (i1, i2, i3), value in coefficients_of(problem).items():
        degrees = first.items[i1][1].l, second.items[i2][1].l, out.items[i3][1].l
        matrix[in1[i1], in2[i2], in3[i3]] = value * wigner_3j(*degrees)
    return matrix


def coefficients(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    return outer_product(coefficient_matrix(problem), b)


ALGORITHM = Algorithm(
    "signal_product",
    "coefficients",
    "explicit coefficients",
    coefficients,
    papers=("xie2026",),
    growth=Growth({"lmax": 6, "channels": 1}),
)
