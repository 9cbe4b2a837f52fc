"""Solid convolution in JAX, one tensor product for each edge.

O(L^5) for each edge and channel. See `edge_wise`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.solid_convolution.edge_wise import edge_wise
from impls.products.solid_convolution.exchange import jax_exchange


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return edge_wise(problem, jax_backend(problem), jax_exchange())


IMPLEMENTATION = Implementation(
    operation="solid_convolution",
    name="jax_edge_wise",
    framework="jax",
    build=_build,
    profiles=("check", "paper"),
)
