"""Gaunt power in JAX on a Gauss-Legendre product grid of degree nu L + L3 [@luo2024].

O(nu^2 L^3) multiplications, two transforms whatever nu is. One polynomial per output. See `points`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.gaunt_power.points import grid


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return grid(problem, jax_backend(problem))


IMPLEMENTATION = Implementation(
    operation="gaunt_power",
    name="jax_grid",
    framework="jax",
    build=_build,
    papers=("luo2024", "xie2025"),
)
