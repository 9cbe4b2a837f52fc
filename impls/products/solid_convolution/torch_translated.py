"""Solid convolution in PyTorch, outer products at nodes, sums along edges, origins moved.

O(L^6) for each node and channel, O(L^4) numbers along each edge. See `translated`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import torch_backend
from impls.products.solid_convolution.exchange import torch_exchange
from impls.products.solid_convolution.node_wise import supports
from impls.products.solid_convolution.translated import translated


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return translated(problem, torch_backend(problem, target), torch_exchange())


IMPLEMENTATION = Implementation(
    operation="solid_convolution",
    name="torch_translated",
    framework="torch",
    build=_build,
    supports=supports,
    profiles=("check", "paper"),
    growth=Growth({"lmax": 6, "channels": 1}),
)
