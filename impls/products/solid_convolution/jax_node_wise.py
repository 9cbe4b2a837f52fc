"""Solid convolution in JAX, tensor products at nodes and only sums along edges [@li2025].

O(L^7) for each node and channel, O(L^4) numbers along each edge. See `node_wise`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.solid_convolution.exchange import jax_exchange
from impls.products.solid_convolution.node_wise import node_wise, supports


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return node_wise(problem, jax_backend(problem), jax_exchange())


IMPLEMENTATION = Implementation(
    operation="solid_convolution",
    name="jax_node_wise",
    framework="jax",
    build=_build,
    supports=supports,
    papers=("li2025",),
    profiles=("check", "paper"),
    growth=Growth({"lmax": 7, "channels": 1}),
)
