"""Geometric product in JAX [@brehmer2023]: 64 signed products of components, one gather.

All 20 triples of grades, with fixed coefficients; no degree 2. See `clifford.blades`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.clifford.blades import blades


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return blades(jax_backend(problem), weighted=False)


IMPLEMENTATION = Implementation(
    operation="geometric_product",
    name="jax_blades",
    framework="jax",
    build=_build,
    papers=("brehmer2023",),
)
