"""Geometric product and join between equivariant linear maps, in JAX [@brehmer2023].

By dense tables, as einsums. See `dense`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.geometric_bilinear.dense import dense


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return dense(jax_backend(problem))


IMPLEMENTATION = Implementation(
    operation="geometric_bilinear",
    name="jax_dense",
    framework="jax",
    build=_build,
    profiles=("paper", "check"),
    papers=("brehmer2023",),
)
