"""Mode uvv in PyTorch: weights first, so that no pair of channels is formed [@geiger2022].

See `multiplicity.weights_first`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import torch_backend
from impls.products.multiplicity.weights_first import weights_first
from impls.products.uvv.operation import MODE


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return weights_first(problem, MODE, torch_backend(problem, target))


IMPLEMENTATION = Implementation(
    operation="uvv",
    name="torch_weights_first",
    framework="torch",
    build=_build,
    papers=("geiger2022",),
    profiles=("check", "paper"),
    growth=Growth({"lmax": 6, "channels": 2}),
)
