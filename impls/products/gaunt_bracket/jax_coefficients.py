"""Gaunt product and Poisson bracket in JAX by explicit coefficients.

O(L^6) multiplications in one matrix product. Every triple. See `coefficients`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.gaunt_bracket.coefficients import coefficients


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return coefficients(problem, jax_backend(problem))


IMPLEMENTATION = Implementation(
    operation="gaunt_bracket",
    name="jax_coefficients",
    framework="jax",
    build=_build,
    papers=("luo2024", "bochkarev2026"),
    growth=Growth({"lmax": 6, "channels": 1}),
)
