"""What layers ask of the features in a problem, and how these lie while a layer works on them."""

from __future__ import annotations

from typing import Any

from impls.backends import Backend
from impls.families.feature import invariant
from impls.families.points import has_vectors, irreps_of
from impls.implementation import Tensors
from impls.problem import Problem, Refusal
from impls.so3.irreps import Irrep, Irreps


def no_layer(problem: Problem) -> Refusal | None:
    """Refuse edges without a length, and copies of an irrep among nodes or outputs."""
    if not has_vectors(problem):
        return Refusal(
            "harmonics of edges are given: radial functions need lengths", "ask with given=vectors"
        )
    node, _, out = irreps_of(problem)
    for irreps in (node, out):
        if len({ir for _, ir in irreps}) < len(irreps):
            return Refusal(f"{irreps}: an irrep is repeated", "use channels")
    return None


def scalar(problem: Problem) -> Irrep:
    """Return the invariant irrep: 0e, or 0 without parity."""
    return Irrep(0, int(irreps_of(problem)[0].parity))


def with_invariants(problem: Problem) -> Problem:
    """Return the problem that asks for invariants too, in front of its other outputs."""
    out = irreps_of(problem)[2]
    if any(invariant(ir) for _, ir in out):
        return problem
    every = Irreps(((1, scalar(problem)), *out.items))
    return problem.with_sizes(irreps_out=str(every))


def innermost(b: Backend, *features: str) -> dict[str, Any]:
    """Return `pack`, `unpack` and `layout` of a Built that works on [n, components, channels].

    `features` are the inputs and outputs that are features [n, channels, components].
    """

    def turned(arrays: Tensors) -> Tensors:
        moved = {n: b.contiguous(arrays[n].swapaxes(1, 2)) for n in features if n in arrays}
        return {**arrays, **moved}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        return turned(inputs), weights

    return {"pack": pack, "unpack": turned, "layout": "ir_mul"}
