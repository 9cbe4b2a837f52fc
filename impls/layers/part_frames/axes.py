"""Frames of parts by the eigenvectors of all their second moments in one call."""

from __future__ import annotations

from typing import Any

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.parts import shape_of
from impls.implementation import Built, Target, Tensors
from impls.layers.scalars_and_vectors import crossed
from impls.problem import Problem, Refusal


def axes(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    batch, parts, points, _ = shape_of(problem)
    cross = crossed(b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        r = inputs["r"].reshape(batch * parts, points, 3)
        p = r - r.mean(1)[:, None]
        v = b.eigenvectors(p.swapaxes(1, 2) @ p)[:, :, :2]
        along: Any = p @ v
        e = v * (1 - 2 * b.is_negative((along * along * along).sum(1)))[:, None]
        third = cross(e[:, :, 0], e[:, :, 1])
        return {"R": b.concatenate([e, third[:, :, None]], 2).reshape(batch, parts, 3, 3)}

    return Built(call)


def _supports(problem: Problem, target: Target) -> Refusal | None:
    if problem.dtype == "bfloat16" or target.precision == "bf16":
        return Refusal("eigenvectors in bfloat16 are no frame", "use float32")
    return None


ALGORITHM = Algorithm(
    "part_frames",
    "axes",
    "eigenvectors of all parts at once",
    axes,
    supports=_supports,
    papers=("puny2022",),
)
