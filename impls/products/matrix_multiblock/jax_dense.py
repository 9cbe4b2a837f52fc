"""Matrix product with all blocks in JAX: convert, multiply, convert back.

Matrices of size (J+1)^2, J = ceil((L1+L2)/2): O(L^6) multiplications [@xie2025]. This is not the
product of a single block. See `dense`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.matrix_multiblock.dense import dense


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return dense(problem, jax_backend(problem))


IMPLEMENTATION = Implementation(
    operation="matrix_multiblock",
    name="jax_dense",
    framework="jax",
    build=_build,
    papers=("xie2025",),
)
