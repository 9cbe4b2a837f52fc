"""Symmetric contraction in PyTorch: dense tensors, one slot at a time [@batatia2022].

O(n d^nu) multiplications for n outputs of d components. All equivariant polynomials. See `dense`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import torch_backend
from impls.products.symmetric_contraction.dense import BASES, dense, supports


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return dense(problem, torch_backend(problem, target), options)


IMPLEMENTATION = Implementation(
    operation="symmetric_contraction",
    name="torch_dense",
    framework="torch",
    build=_build,
    supports=supports,
    options={"basis": BASES},
    papers=("batatia2022",),
)
