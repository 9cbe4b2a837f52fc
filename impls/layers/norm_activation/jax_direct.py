"""Norm activation in JAX: z = eta(|x| + b) x for each irrep [@thomas2018].

O(dim) for each channel; irreps do not mix. See `direct`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.layers.norm_activation.direct import direct
from impls.layers.pointwise import jax_layer
from impls.problem import Problem, Scalar


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return direct(problem, jax_layer(problem))


IMPLEMENTATION = Implementation(
    operation="norm_activation",
    name="jax_direct",
    framework="jax",
    build=_build,
    papers=("thomas2018",),
)
