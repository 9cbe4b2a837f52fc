"""Finite groups of rotations, one in the other: 1, 4, 12 and 60 elements, and of the plane."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from impls.spaces import Array

GOLDEN = (1 + 5**0.5) / 2
GENERATORS = {
    1: (),
    4: ("half", "other"),
    12: ("half", "other", "third"),
    60: ("half", "other", "third", "fifth"),
}
ORDERS = tuple(GENERATORS)
"""The trivial group, half turns about three axes, the tetrahedral and the icosahedral group."""
TURNS = {
    "half": np.diag([-1.0, -1.0, 1.0]),
    "other": np.diag([1.0, -1.0, -1.0]),
    "third": np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
    "fifth": np.array(
        [
            [GOLDEN - 1, -GOLDEN, 1.0],
            [GOLDEN, 1.0, GOLDEN - 1],
            [-1.0, GOLDEN - 1, GOLDEN],
        ]
    )
    / 2,
}


@lru_cache(maxsize=8)
def rotations(order: int) -> Array:
    """Return the elements [order, 3, 3] of the group of that order: products of its generators.

    >>> [len(rotations(order)) for order in ORDERS]
    [1, 4, 12, 60]
    """
    found = [np.eye(3)]
    for element in found:  # which grows
        for name in GENERATORS[order]:
            product = element @ TURNS[name]
            if not any(np.allclose(product, other, atol=1e-9) for other in found):
                found.append(product)
    return np.stack(found)


@lru_cache(maxsize=8)
def turns(order: int) -> Array:
    """Return the turns of the plane [order, 2, 2] by multiples of 2 pi / order.

    >>> turns(4)[1].round(9).tolist()
    [[0.0, -1.0], [1.0, 0.0]]
    """
    angle = 2 * np.pi * np.arange(order) / order
    x, y = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([x, -y], axis=1), np.stack([y, x], axis=1)], axis=1)
