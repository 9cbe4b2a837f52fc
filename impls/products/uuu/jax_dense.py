"""Mode uuu in JAX: outer products, then the coupling, then the weights [@geiger2022].

See `multiplicity.dense`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.multiplicity.dense import dense
from impls.products.uuu.operation import MODE


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return dense(problem, MODE, jax_backend(problem))


IMPLEMENTATION = Implementation(
    operation="uuu",
    name="jax_dense",
    framework="jax",
    build=_build,
    papers=("geiger2022",),
    profiles=("check", "paper"),
    growth=Growth({"lmax": 6, "channels": 1}),
)
