"""Gaunt power in JAX on the points of a Lebedev rule of degree nu L + L3 [@lebedev1999].

O(nu^2 L^4) multiplications in two matrix products. One polynomial per output. See `points`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.gaunt_power.points import lebedev, lebedev_supports


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return lebedev(problem, jax_backend(problem))


IMPLEMENTATION = Implementation(
    operation="gaunt_power",
    name="jax_lebedev",
    framework="jax",
    build=_build,
    supports=lebedev_supports,
    papers=("luo2024", "lebedev1999"),
    growth=Growth({"lmax": 4, "channels": 1}),
)
