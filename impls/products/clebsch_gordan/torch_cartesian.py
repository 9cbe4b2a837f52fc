"""Clebsch-Gordan in PyTorch by irreducible Cartesian tensors [@zaverkin2024].

z = c V^T (T1 contracted with T2), with a Levi-Civita symbol where l1+l2+l3 is odd. All paths, of
inputs up to degree 3; O(3^(l1+l2-k)) per path with k contracted pairs. See `cartesian`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import torch_backend
from impls.products.clebsch_gordan.cartesian import cartesian, supports


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return cartesian(problem, torch_backend(problem, target))


IMPLEMENTATION = Implementation(
    operation="clebsch_gordan",
    name="torch_cartesian",
    framework="torch",
    build=_build,
    supports=supports,
    profiles=("paper", "check"),
    papers=("zaverkin2024", "coope1965"),
    growth=Growth({"lmax": float("inf"), "channels": 1}),  # exponential
)
