r"""Backbones: maps of a cloud x [points, d + channels] to such, without symmetry in space.

    mlp        o = B silu(A x + a),  of all numbers of the cloud in one vector
    deepsets   z_i = silu(A x_i + a),  o_i = B z_i + D mean_j z_j  [@zaheer2017]

with HIDDEN times as many hidden numbers as channels. A layer before and one after the activation
are all that an average over frames can tell apart: what is linear could be averaged at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy.special import expit

from impls.families.cloud import dimension_of, is_set, shape_of
from impls.problem import Problem
from impls.spaces import Array, Arrays, Space

HIDDEN = 2
"""Hidden numbers for each channel."""


def hidden_of(problem: Problem) -> int:
    """Return the number of hidden numbers."""
    return HIDDEN * shape_of(problem)[2]


def width_of(problem: Problem) -> int:
    """Return how many numbers enter and leave at once: of a point, or of all points."""
    _, points, channels = shape_of(problem)
    return (dimension_of(problem) + channels) * (1 if is_set(problem) else points)


def weights_of(problem: Problem) -> Mapping[str, Space]:
    """Return the Spaces of the weights; outputs of order one come of inputs of order one."""
    width, hidden = width_of(problem), hidden_of(problem)
    found = {
        "A": Space((hidden, width), draw=_scaled((hidden, width))),
        "a": Space((hidden,)),
        "B": Space((width, hidden), draw=_scaled((width, hidden))),
    }
    if is_set(problem):
        found["D"] = Space((width, hidden), draw=_scaled((width, hidden)))
    return found


def _scaled(shape: tuple[int, int]) -> Callable[[np.random.Generator], Array]:
    return lambda rng: np.asarray(rng.standard_normal(shape) / np.sqrt(shape[1]))


def oracle(problem: Problem, x: Array, weights: Arrays) -> Array:
    """Return o [batch, points, d + channels] of x [batch, points, d + channels]."""
    if not is_set(problem):
        hidden = _silu(np.einsum("hw,bw->bh", weights["A"], x.reshape(len(x), -1)) + weights["a"])
        return np.einsum("wh,bh->bw", weights["B"], hidden).reshape(x.shape)
    hidden = _silu(np.einsum("hw,biw->bih", weights["A"], x) + weights["a"])
    own = np.einsum("wh,bih->biw", weights["B"], hidden)
    pooled = np.einsum("wh,bih->bw", weights["D"], hidden) / x.shape[1]
    return np.asarray(own + pooled[:, None])


def _silu(a: Array) -> Array:
    return np.asarray(a * expit(a))


def flops(problem: Problem) -> float:
    """Return the operations of one cloud at one frame."""
    _, points, _ = shape_of(problem)
    width, hidden = width_of(problem), hidden_of(problem)
    rows = points if is_set(problem) else 1
    pooled = 2 * width * hidden + points * hidden if is_set(problem) else 0
    return float(rows * hidden * (4 * width + 10) + pooled)


def numbers(problem: Problem) -> int:
    """Return how many weights there are."""
    return sum(int(np.prod(space.shape)) for space in weights_of(problem).values())
