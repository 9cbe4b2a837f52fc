"""Mode uvu by e3nn [@geiger2022]: a contraction per path, O(L^6) dense.

See `multiplicity.peers`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.multiplicity.peers import torch_e3nn
from impls.products.uvu.operation import MODE


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return torch_e3nn(problem, MODE, target.device, str(options.get("jit_mode", "default")))


IMPLEMENTATION = Implementation(
    operation="uvu",
    name="torch_e3nn",
    framework="torch",
    build=_build,
    options={"jit_mode": ("default", "script")},
    requires=("e3nn",),
    papers=("geiger2022",),
    licence="MIT",
    baseline=True,
    profiles=("check", "paper"),
    growth=Growth({"lmax": 6, "channels": 2}),
)
