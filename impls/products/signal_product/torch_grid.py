"""Signal product in PyTorch on a Gauss-Legendre product grid, component by component.

O(L^3) multiplications [@xie2025] [@xie2026]. See `grid`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import torch_backend
from impls.products.signal_product.grid import grid


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return grid(problem, torch_backend(problem, target))


IMPLEMENTATION = Implementation(
    operation="signal_product",
    name="torch_grid",
    framework="torch",
    build=_build,
    papers=("xie2025", "xie2026"),
    profiles=("check", "paper"),
    growth=Growth({"lmax": 3, "channels": 1}),
)
