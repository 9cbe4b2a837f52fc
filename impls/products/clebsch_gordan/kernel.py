"""Clebsch-Gordan on the nonzero coefficients, by the C kernel of trilinear forms.

Products x_i y_j are formed once for all paths of two irreps, and combined where coefficients agree
but for signs: m and -m, and in one degree both orders of the factors. O(L^5) multiplications; all
paths [@geiger2022] [@xie2025].
"""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.implementation import Built
from impls.problem import Problem
from impls.products import forms
from impls.products.clebsch_gordan.operation import paths_of


def kernel(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm in a framework."""
    first, second, _ = irreps_of(problem)
    return forms.product(forms.of_paths((first.dim, second.dim), paths_of(problem)), b)


ALGORITHM = Algorithm(
    "clebsch_gordan",
    "kernel",
    "sparse coefficients in C",
    kernel,
    supports=forms.supports,
    papers=("geiger2022", "xie2025"),
)
