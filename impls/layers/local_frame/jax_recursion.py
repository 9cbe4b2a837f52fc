"""Local frame in JAX: Gram-Schmidt, D by recursion, activation, back [@du2022].

O(L^4) to build D for each channel and O(L^3) to apply it. See `recursion`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.layers.local_frame.recursion import recursion
from impls.layers.pointwise import jax_layer
from impls.problem import Problem, Scalar


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return recursion(problem, jax_layer(problem))


IMPLEMENTATION = Implementation(
    operation="local_frame",
    name="jax_recursion",
    framework="jax",
    build=_build,
    papers=("du2022", "lippmann2025"),
)
