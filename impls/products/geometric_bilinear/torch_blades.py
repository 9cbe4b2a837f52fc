"""Geometric product and join between equivariant linear maps, in PyTorch [@brehmer2023].

By gathers, without the zeros of the tables. See `blades`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import torch_backend
from impls.products.geometric_bilinear.blades import blades


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return blades(torch_backend(problem, target))


IMPLEMENTATION = Implementation(
    operation="geometric_bilinear",
    name="torch_blades",
    framework="torch",
    build=_build,
    profiles=("paper", "check"),
    papers=("brehmer2023",),
)
