"""Tensor square in JAX: each pair of channels once, then the weights [@geiger2022].

See `dense`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.tensor_square.dense import dense


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return dense(problem, jax_backend(problem))


IMPLEMENTATION = Implementation(
    operation="tensor_square",
    name="jax_dense",
    framework="jax",
    build=_build,
    papers=("geiger2022",),
    profiles=("check", "paper"),
    growth=Growth({"lmax": 6, "channels": 3}),
)
