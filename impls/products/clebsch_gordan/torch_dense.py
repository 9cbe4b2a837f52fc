"""Clebsch-Gordan in PyTorch by dense coupling matrices, one matrix product per block.

z = (x outer y) C per block of (l1, l2) pairs [@geiger2022]; 16/9 L^6 multiplications in blocks of
pairs, more in larger blocks. It can express all paths. See `dense`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import torch_backend
from impls.products.clebsch_gordan.dense import BLOCKS, dense


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return dense(problem, torch_backend(problem, target), options)


IMPLEMENTATION = Implementation(
    operation="clebsch_gordan",
    name="torch_dense",
    framework="torch",
    build=_build,
    options={"block": BLOCKS},
    papers=("geiger2022",),
    growth=Growth({"lmax": 7, "channels": 1}),
)
