"""Spin-weighted Gaunt product by explicit coefficients: one outer product, one matrix.

z = (x outer y) W with W [dim(x) dim(y), dim(z)], O(L^6) multiplications in one matrix product.
The odd coefficients are those of the closed form [@heyraud2026].
"""

from __future__ import annotations

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built
from impls.problem import Problem
from impls.products.gaunt.coefficients import outer_product, supports
from impls.products.spin_gaunt.operation import paths_of, spin_coefficient
from impls.so3.wigner import wigner_3j


def coefficient_matrix(problem: Problem) -> np.ndarray:
    """Return all coefficients [dim(x), dim(y), dim(z)]."""
    first, second, out = irreps_of(problem)
    in1, in2, in3 = first.slices(), second.slices(), out.slices()
    matrix = np.zeros((first.dim, second.dim, out.dim))
    for (i1, i2, i3), irreps in paths_of(problem).items():
        l1, l2, l3 = (ir.l for ir in irreps)
        matrix[in1[i1], in2[i2], in3[i3]] = spin_coefficient(l1, l2, l3) * wigner_3j(l1, l2, l3)
    return matrix


def coefficients(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    return outer_product(coefficient_matrix(problem), b)


ALGORITHM = Algorithm(
    "spin_gaunt",
    "coefficients",
    "explicit coefficients",
    coefficients,
    supports=supports,
    papers=("lin2026", "heyraud2026"),
    growth=Growth({"lmax": 6, "channels": 1}),
)
