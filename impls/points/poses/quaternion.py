"""Poses by unit quaternions: rotations as eigenvectors of symmetric 4 x 4 matrices [@horn1987].

All matrices of a batch are made at once, and their eigenvectors asked for in one call.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.matches import shape_of
from impls.implementation import Built, Target, Tensors
from impls.points.nearest_rotation import NearestRotation
from impls.points.poses.operation import triples
from impls.problem import Problem, Refusal

Parts = Callable[[Tensors], tuple[Any, Any, Any]]
"""Of the inputs, M [batch, poses, 3, 3] and what it takes to what, p and q [batch, poses, 3]."""


def _match(problem: Problem, b: Backend) -> Parts:
    def parts(inputs: Tensors) -> tuple[Any, Any, Any]:
        return inputs["g"].swapaxes(2, 3) @ inputs["f"], inputs["p"], inputs["q"]

    return parts


def _triples(problem: Problem, b: Backend) -> Parts:
    batch, matches, _ = shape_of(problem)
    every = b.index(triples(matches).reshape(-1))

    def parts(inputs: Tensors) -> tuple[Any, Any, Any]:
        p, q = (b.take(inputs[n], every, 1).reshape(batch, -1, 3, 3) for n in "pq")
        p0, q0 = p.mean(2), q.mean(2)
        return (q - q0[:, :, None]).swapaxes(2, 3) @ (p - p0[:, :, None]), p0, q0

    return parts


def _all(problem: Problem, b: Backend) -> Parts:
    def parts(inputs: Tensors) -> tuple[Any, Any, Any]:
        p, q = inputs["p"], inputs["q"]
        w = (inputs["w"] / inputs["w"].sum(1)[:, None])[:, None]
        p0, q0 = w @ p, w @ q
        m = ((q - q0).swapaxes(1, 2) * w) @ (p - p0)
        return m[:, None], p0, q0

    return parts


def quaternion(
    made: Callable[[Problem, Backend], Parts], problem: Problem, b: Backend, options: Options
) -> Built:
    """Build the algorithm."""
    parts, nearest = made(problem, b), NearestRotation(b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        m, p, q = parts(inputs)
        r = nearest(m)
        shift = q[..., None] - r @ p[..., None]
        return {"T": b.concatenate([r, shift], 3)}

    return Built(call)


FEW = 6
"""Matches up to which triples are so few that none is nearly on a line."""


def _supports(problem: Problem, target: Target) -> Refusal | None:
    if problem.dtype == "bfloat16" or target.precision == "bf16":
        return Refusal("eigenvectors in bfloat16 are no rotation", "use float32")
    return None


def _supports_triples(problem: Problem, target: Target) -> Refusal | None:
    matches = shape_of(problem)[1]
    if problem.dtype == "float32" and matches > FEW:
        return Refusal(
            f"of the triples of {matches} matches some are nearly on a line, "
            "where float32 has too few digits",
            f"use float64, or at most {FEW} matches",
        )
    return _supports(problem, target)


ALGORITHMS = tuple(
    Algorithm(
        operation,
        "quaternion",
        "unit quaternions, by eigenvectors",
        partial(quaternion, made),
        supports=_supports_triples if made is _triples else _supports,
        papers=("horn1987",),
    )
    for operation, made in (
        ("pose_from_match", _match),
        ("pose_from_triples", _triples),
        ("pose_from_all", _all),
    )
)
