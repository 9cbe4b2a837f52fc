"""Gaunt product in JAX on the points of a spherical t-design, z = ((x A) * (y B)) W.

O(L^4) multiplications in three matrix products [@hardin1996]. Even l1+l2+l3 only. See `design`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.gaunt.design import design, supports


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return design(problem, jax_backend(problem))


IMPLEMENTATION = Implementation(
    operation="gaunt",
    name="jax_design",
    framework="jax",
    build=_build,
    supports=supports,
    profiles=("paper", "check"),
    papers=("luo2024", "hardin1996"),
    growth=Growth({"lmax": 4, "channels": 1}),
)
