"""Grid nonlinearity in JAX by one matrix product each way [@liao2024].

O(L^2 R^2) for R rings of 2R points. See `dense`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.layers.grid_nonlinearity.dense import dense
from impls.layers.pointwise import jax_layer
from impls.problem import Problem, Scalar


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return dense(problem, jax_layer(problem))


IMPLEMENTATION = Implementation(
    operation="grid_nonlinearity",
    name="jax_dense",
    framework="jax",
    build=_build,
    papers=("cohen2018", "liao2024"),
    growth=Growth({"lmax": 4, "channels": 1}),
)
