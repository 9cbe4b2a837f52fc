"""The watched cases: a small fixed set, followed from commit to commit.

The same cases serve the history (`bench.history`) and the inner loop (`tests/speed`). They are
data: they depend on nothing that is installed, and their ids are pinned in
`tests/golden/case_ids.txt`, since a number is comparable only with one of the same id.
"""

from __future__ import annotations

from bench.case import Case, Pass, case_id, digest
from impls.families import points, product
from impls.implementation import Target
from impls.problem import Problem
from impls.registry import load

LMAX = (2, 3)
PASSES: tuple[Pass, ...] = ("fwd", "grad")
MODES = {
    "clebsch_gordan": {"torch_dense": "eager", "jax_dense": "jit", "torch_e3nn": "eager"},
    "gaunt": {"torch_grid": "eager", "jax_grid": "jit"},
    "matrix": {"torch_dense": "eager", "jax_dense": "jit"},
    "channelwise": {"torch_dense": "eager", "jax_dense": "jit", "torch_e3nn": "eager"},
}
"""The watched implementations of each operation and the mode in which they run.

One a framework, and where there is a peer, the peer: when its time moves, the machine did.
"""


def problem(operation: str, lmax: int) -> Problem:
    """Return the watched problem of an operation: o3, float32; a batch of 1000 or a crystal."""
    if operation == "channelwise":
        return points.problem("truncated", lmax, data=points.CRYSTAL, channels=16)
    return product.problem("mimo", lmax, batch=1000)


def version(operation: str) -> str:
    """Return a hash of what is asked of an operation: its watched problems at all lmax."""
    return digest([problem(operation, lmax).to_json() for lmax in LMAX])


def case(operation: str, implementation: str, lmax: int, pass_: Pass) -> Case:
    """Return one watched case; all run on one thread of the CPU."""
    mode = MODES[operation][implementation]
    return Case(problem(operation, lmax), f"{operation}.{implementation}", pass_, mode, Target())


def cases() -> tuple[Case, ...]:
    """Return all watched cases, always the same and in the same order."""
    return tuple(
        case(operation, implementation, lmax, pass_)
        for operation, modes in MODES.items()
        for pass_ in PASSES
        for implementation in modes
        for lmax in LMAX
    )


def ids() -> list[str]:
    """Return the ids of all watched cases."""
    registry = load()
    return [case_id(case, registry) for case in cases()]
