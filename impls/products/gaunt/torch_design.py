"""Gaunt product in PyTorch on the points of a spherical t-design, z = ((x A) * (y B)) W.

O(L^4) multiplications in three matrix products [@hardin1996]. Even l1+l2+l3 only. See `design`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import torch_backend
from impls.products.gaunt.design import design, supports


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return design(problem, torch_backend(problem, target))


IMPLEMENTATION = Implementation(
    operation="gaunt",
    name="torch_design",
    framework="torch",
    build=_build,
    supports=supports,
    profiles=("paper", "check"),
    papers=("luo2024", "hardin1996"),
    growth=Growth({"lmax": 4, "channels": 1}),
)
