"""Mode uvu in JAX: weights first, so that no pair of channels is formed [@geiger2022].

See `multiplicity.weights_first`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.multiplicity.weights_first import weights_first
from impls.products.uvu.operation import MODE


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return weights_first(problem, MODE, jax_backend(problem))


IMPLEMENTATION = Implementation(
    operation="uvu",
    name="jax_weights_first",
    framework="jax",
    build=_build,
    papers=("geiger2022",),
    profiles=("check", "paper"),
    growth=Growth({"lmax": 6, "channels": 2}),
)
