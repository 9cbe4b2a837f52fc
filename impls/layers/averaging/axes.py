"""Frames of principal axes, in any framework: the hand of axes, their signs, what has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from impls.backends import Backend
from impls.implementation import Target
from impls.layers.scalars_and_vectors import crossed
from impls.problem import Problem, Refusal


def right_handed(b: Backend, dimension: int = 3) -> Callable[[Any], Any]:
    """Return what gives V [n, d, d] its last column by the others.

    In space it is their cross product, in the plane the first, turned by a right angle.
    """
    if dimension == 2:
        return lambda v: _turned(b, v[:, :, :1])
    product = crossed(b)

    def turned(v: Any) -> Any:
        third = product(v[:, :, 0], v[:, :, 1])
        return b.concatenate((v[:, :, :2], third[:, :, None]), 2)

    return turned


def _turned(b: Backend, first: Any) -> Any:
    """Return V [n, 2, 2] of its first column [n, 2, 1]."""
    second = b.concatenate((-first[:, 1:], first[:, :1]), 1)
    return b.concatenate((first, second), 2)


def signed(v: Any, signs: Any) -> Any:
    """Return V diag(signs) [n, K, d, d] of V [n, d, d] and signs [n or 1, K, d]."""
    return v[:, None] * signs[:, :, None]


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse bfloat16."""
    if problem.dtype == "bfloat16" or target.precision == "bf16":
        return Refusal("eigenvectors in bfloat16 are no frame", "use float32")
    return None
