"""Mode uuu by e3nn-jax [@geiger2022]: a contraction per path, O(L^6) dense.

See `multiplicity.peers`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.multiplicity.peers import jax_e3nn
from impls.products.uuu.operation import MODE


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return jax_e3nn(problem, MODE)


IMPLEMENTATION = Implementation(
    operation="uuu",
    name="jax_e3nn",
    framework="jax",
    build=_build,
    requires=("e3nn_jax",),
    papers=("geiger2022",),
    licence="Apache-2.0",
    profiles=("check", "paper"),
    growth=Growth({"lmax": 6, "channels": 1}),
)
