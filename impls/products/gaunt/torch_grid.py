"""Gaunt product in PyTorch on a Gauss-Legendre product grid, Legendre then Fourier stage.

O(L^3) multiplications [@xie2025]. Even l1+l2+l3 only. See `grid`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import torch_backend
from impls.products.gaunt.grid import GRIDS, grid, grid_of


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return grid(problem, torch_backend(problem, target), grid_of(problem, options))


IMPLEMENTATION = Implementation(
    operation="gaunt",
    name="torch_grid",
    framework="torch",
    build=_build,
    options={"grid": GRIDS},
    papers=("luo2024", "xie2025"),
    growth=Growth({"lmax": 3, "channels": 1}),
)
