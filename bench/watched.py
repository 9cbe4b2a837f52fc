"""The watched cases: a small fixed set, followed from commit to commit.

The same cases serve the history (`bench.history`) and the inner loop (`tests/speed`). They are
data: they depend on nothing that is installed, and their ids are pinned in
`tests/golden/case_ids.txt`, since a number is comparable only with one of the same id.
"""

from __future__ import annotations

from bench.case import PASSES, Case, Pass
from impls.families import convolution, product
from impls.implementation import MODES, Target
from impls.problem import Problem
from impls.registry import Registry

LMAX = (2, 3)
IMPLEMENTATIONS = {
    "clebsch_gordan": ("torch_dense", "jax_dense", "torch_e3nn"),
    "gaunt": ("torch_grid", "jax_grid"),
    "matrix": ("torch_dense", "jax_dense"),
    "channelwise": ("torch_dense", "jax_dense", "torch_e3nn"),
}
"""Of each operation, one implementation a framework, and a peer as a fixed point."""


def problem(operation: str, lmax: int) -> Problem:
    """Return the watched problem of an operation: o3, float32, batch 1000 or a crystal."""
    if operation == "channelwise":
        return convolution.problem(*convolution.CRYSTAL, lmax, channels=16)
    return product.problem("mimo", lmax, batch=1000)


def case(operation: str, implementation: str, lmax: int, pass_: Pass) -> Case:
    """Return one watched case, on one thread of the CPU in the first mode of its framework."""
    framework = implementation.split("_")[0]
    mode = MODES[framework][0]
    name = f"{operation}.{implementation}"
    return Case(problem(operation, lmax), name, pass_, mode, Target())


def cases() -> tuple[Case, ...]:
    """Return all watched cases, always the same and in the same order."""
    return tuple(
        case(operation, implementation, lmax, pass_)
        for operation, implementations in IMPLEMENTATIONS.items()
        for pass_ in PASSES
        for implementation in implementations
        for lmax in LMAX
    )
