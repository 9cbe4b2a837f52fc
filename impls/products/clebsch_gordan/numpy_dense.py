"""Clebsch-Gordan in NumPy by dense coupling matrices, one matrix product per block.

z = (x outer y) C per block of (l1, l2) pairs [@geiger2022]; 16/9 L^6 multiplications in blocks of
pairs, more in larger blocks. It can express all paths. See `dense`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.growth import Growth
from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Refusal, Scalar
from impls.products.backend import numpy_backend
from impls.products.clebsch_gordan.dense import BLOCKS, dense


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return dense(problem, numpy_backend(problem), options)


def _supports(problem: Problem, target: Target) -> Refusal | None:
    if problem.dtype == "bfloat16":
        return Refusal("NumPy has no bfloat16", "use torch_dense or jax_dense")
    if target.device != "cpu":
        return Refusal(f"NumPy does not run on {target.device}", "use torch_dense or jax_dense")
    return None


IMPLEMENTATION = Implementation(
    operation="clebsch_gordan",
    name="numpy_dense",
    framework="numpy",
    build=_build,
    supports=_supports,
    options={"block": BLOCKS},
    papers=("geiger2022",),
    growth=Growth({"lmax": 7, "channels": 1}),
)
