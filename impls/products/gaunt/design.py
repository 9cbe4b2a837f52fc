r"""Gaunt product on the points of a spherical t-design: three dense matrix products.

The same as `lebedev`, z = ((x A) * (y B)) W, on points of equal weight that are exact for the
degree D = L1 + L2 + L3 of the triple product [@hardin1996]. O(L^4) multiplications.
"""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.growth import Growth
from impls.implementation import Built, Target
from impls.problem import Problem, Refusal
from impls.products.gaunt.layout import product_degree
from impls.products.gaunt.lebedev import on_points
from impls.so3.designs import LARGEST, t_design


def design(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    return on_points(problem, b, *t_design(product_degree(problem)))


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse degrees beyond the largest design."""
    degree = product_degree(problem)
    if degree > LARGEST:
        return Refusal(
            f"L1 + L2 + L3 = {degree} is above {LARGEST}, the largest t-design that is built here",
            "use lebedev or grid",
        )
    return None


ALGORITHM = Algorithm(
    "gaunt",
    "design",
    "points of a spherical t-design",
    design,
    supports=supports,
    papers=("luo2024", "hardin1996"),
    growth=Growth({"lmax": 4, "channels": 1}),
)
