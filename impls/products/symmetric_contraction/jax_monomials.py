"""Symmetric contraction in JAX: all monomials, then one matrix product per channel.

O(n d^nu / nu!) multiplications for n outputs of d components [@drautz2019]. All equivariant
polynomials. See `monomials`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.symmetric_contraction.monomials import monomials


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return monomials(problem, jax_backend(problem))


IMPLEMENTATION = Implementation(
    operation="symmetric_contraction",
    name="jax_monomials",
    framework="jax",
    build=_build,
    papers=("drautz2019",),
)
