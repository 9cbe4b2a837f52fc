"""Gate in JAX: activations of invariants, and their sigmoids times irreps [@weiler2018].

O(dim) for each channel; irreps do not mix. See `direct`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.layers.gate.direct import direct
from impls.layers.pointwise import jax_layer
from impls.problem import Problem, Scalar


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return direct(problem, jax_layer(problem))


IMPLEMENTATION = Implementation(
    operation="gate",
    name="jax_direct",
    framework="jax",
    build=_build,
    papers=("weiler2018", "geiger2022"),
)
