"""Gaunt product and Poisson bracket in PyTorch by explicit coefficients.

O(L^6) multiplications in one matrix product. Every triple. See `coefficients`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import torch_backend
from impls.products.gaunt_bracket.coefficients import coefficients


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return coefficients(problem, torch_backend(problem, target))


IMPLEMENTATION = Implementation(
    operation="gaunt_bracket",
    name="torch_coefficients",
    framework="torch",
    build=_build,
    papers=("luo2024", "bochkarev2026"),
    growth=Growth({"lmax": 6, "channels": 1}),
)
