"""Matrix product with all blocks in PyTorch: convert, multiply, convert back.

Matrices of size (J+1)^2, J = ceil((L1+L2)/2): O(L^6) multiplications [@xie2025]. This is not the
product of a single block. See `dense`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import torch_backend
from impls.products.matrix_multiblock.dense import dense


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return dense(problem, torch_backend(problem, target))


IMPLEMENTATION = Implementation(
    operation="matrix_multiblock",
    name="torch_dense",
    framework="torch",
    build=_build,
    papers=("xie2025",),
)
