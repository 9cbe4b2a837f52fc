"""Edge convolution in PyTorch: rotate, a matrix product for each order, rotate back [@passaro2023].

O(L^3) for each edge and channel; the frames are computed from the edge vectors, without angles.
Rotations only: h and k. See `so2`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import torch_backend
from impls.products.escn.so2 import so2, supports


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return so2(problem, torch_backend(problem, target), parity=False)


IMPLEMENTATION = Implementation(
    operation="escn",
    name="torch_so2",
    framework="torch",
    build=_build,
    supports=supports,
    papers=("passaro2023",),
    growth=Growth({"lmax": 4, "channels": 2}),  # frames of edges; L^3 C^2 where channels are many
)
