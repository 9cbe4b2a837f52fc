"""Tensor square by e3nn-jax [@geiger2022]: a contraction per line of its plan, O(L^6) dense.

See `peers`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.tensor_square.peers import jax_e3nn


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return jax_e3nn(problem)


IMPLEMENTATION = Implementation(
    operation="tensor_square",
    name="jax_e3nn",
    framework="jax",
    build=_build,
    requires=("e3nn_jax",),
    papers=("geiger2022",),
    licence="Apache-2.0",
    profiles=("check", "paper"),
    growth=Growth({"lmax": 6, "channels": 3}),
)
