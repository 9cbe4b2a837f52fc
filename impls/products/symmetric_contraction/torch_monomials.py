"""Symmetric contraction in PyTorch: all monomials, then one matrix product per channel.

O(n d^nu / nu!) multiplications for n outputs of d components [@drautz2019]. All equivariant
polynomials. See `monomials`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import torch_backend
from impls.products.symmetric_contraction.monomials import monomials


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return monomials(problem, torch_backend(problem, target))


IMPLEMENTATION = Implementation(
    operation="symmetric_contraction",
    name="torch_monomials",
    framework="torch",
    build=_build,
    papers=("drautz2019",),
)
