"""Tensor square by e3nn [@geiger2022]: a contraction per line of its plan, O(L^6) dense.

See `peers`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.tensor_square.peers import torch_e3nn


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return torch_e3nn(problem, target.device, str(options.get("jit_mode", "default")))


IMPLEMENTATION = Implementation(
    operation="tensor_square",
    name="torch_e3nn",
    framework="torch",
    build=_build,
    options={"jit_mode": ("default", "script")},
    requires=("e3nn",),
    papers=("geiger2022",),
    licence="MIT",
    baseline=True,
    profiles=("check", "paper"),
    growth=Growth({"lmax": 6, "channels": 3}),
)
