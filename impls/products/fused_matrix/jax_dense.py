"""Parity-split matrix product in JAX: convert, four matrix products, convert back.

O(L^4) multiplications in the conversions, O(L^3) in the products [@unke2024]. See `dense`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.fused_matrix.dense import dense


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return dense(problem, jax_backend(problem))


IMPLEMENTATION = Implementation(
    operation="fused_matrix",
    name="jax_dense",
    framework="jax",
    build=_build,
    papers=("unke2024",),
    growth=Growth({"lmax": 4, "channels": 1}),
)
