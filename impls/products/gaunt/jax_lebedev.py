"""Gaunt product in JAX on the points of a Lebedev rule, z = ((x A) * (y B)) W.

O(L^4) multiplications in three matrix products [@lebedev1999]. Even l1+l2+l3 only. See `lebedev`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.gaunt.lebedev import lebedev, supports


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return lebedev(problem, jax_backend(problem))


IMPLEMENTATION = Implementation(
    operation="gaunt",
    name="jax_lebedev",
    framework="jax",
    build=_build,
    supports=supports,
    papers=("luo2024", "lebedev1999"),
    growth=Growth({"lmax": 4, "channels": 1}),
)
