"""Activations in NumPy, for the oracles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def sigmoid(a: Array) -> Array:
    """Return 1 / (1 + exp(-a)), which does not overflow in this form."""
    return np.asarray((1 + np.tanh(a / 2)) / 2)


def activate(name: str, a: Array) -> Array:
    """Return silu(a) = a sigmoid(a), or tanh(a); ValueError for another name."""
    if name == "silu":
        return a * sigmoid(a)
    if name == "tanh":
        return np.asarray(np.tanh(a))
    raise ValueError(f"unknown activation {name!r}: choose silu or tanh")
