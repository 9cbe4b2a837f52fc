"""Mode uuu in PyTorch: outer products, then the coupling, then the weights [@geiger2022].

See `multiplicity.dense`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import torch_backend
from impls.products.multiplicity.dense import dense
from impls.products.uuu.operation import MODE


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return dense(problem, MODE, torch_backend(problem, target))


IMPLEMENTATION = Implementation(
    operation="uuu",
    name="torch_dense",
    framework="torch",
    build=_build,
    papers=("geiger2022",),
    profiles=("check", "paper"),
    growth=Growth({"lmax": 6, "channels": 1}),
)
