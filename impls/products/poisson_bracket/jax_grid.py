"""Poisson bracket in JAX on a Gauss-Legendre product grid, two derivatives of each input.

O(L^3) multiplications [@bochkarev2026]. Odd l1+l2+l3 only. See `grid`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.poisson_bracket.grid import grid


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return grid(problem, jax_backend(problem))


IMPLEMENTATION = Implementation(
    operation="poisson_bracket",
    name="jax_grid",
    framework="jax",
    build=_build,
    papers=("bochkarev2026",),
    growth=Growth({"lmax": 3, "channels": 1}),
)
