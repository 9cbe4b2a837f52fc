"""Signal product in PyTorch by its explicit coefficients, in one matrix product.

O(L^6) multiplications [@xie2026]. See `coefficients`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import torch_backend
from impls.products.signal_product.coefficients import coefficients


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return coefficients(problem, torch_backend(problem, target))


IMPLEMENTATION = Implementation(
    operation="signal_product",
    name="torch_coefficients",
    framework="torch",
    build=_build,
    papers=("xie2026",),
    profiles=("check", "paper"),
    growth=Growth({"lmax": 6, "channels": 1}),
)
