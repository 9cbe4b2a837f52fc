"""Gaunt product and Poisson bracket in JAX on one product grid, from shared waves.

O(L^3) multiplications [@bochkarev2026]. Every triple. See `grid`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.gaunt_bracket.grid import grid


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return grid(problem, jax_backend(problem))


IMPLEMENTATION = Implementation(
    operation="gaunt_bracket",
    name="jax_grid",
    framework="jax",
    build=_build,
    papers=("luo2024", "bochkarev2026"),
    growth=Growth({"lmax": 3, "channels": 1}),
)
