"""Frames of principal axes, in any framework: the hand of axes, their signs, what has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from impls.backends import Backend
from impls.implementation import Target
from impls.layers.scalars_and_vectors import crossed
from impls.problem import Problem, Refusal


def right_handed(b: Backend) -> Callable[[Any], Any]:
    """Return what gives V [n, 3, 3] its last column by the cross product of the others."""
    product = crossed(b)

    def turned(v: Any) -> Any:
        third = product(v[:, :, 0], v[:, :, 1])
        return b.concatenate((v[:, :, :2], third[:, :, None]), 2)

    return turned


def signed(v: Any, signs: Any) -> Any:
    """Return V diag(signs) [n, K, 3, 3] of V [n, 3, 3] and signs [n or 1, K, 3]."""
    return v[:, None] * signs[:, :, None]


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse bfloat16."""
    if problem.dtype == "bfloat16" or target.precision == "bf16":
        return Refusal("eigenvectors in bfloat16 are no frame", "use float32")
    return None
