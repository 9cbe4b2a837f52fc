"""The multiplication table of Cl(3,0), from the rule that unequal basis vectors anticommute."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

BLADES = ((), (0,), (1,), (2,), (1, 2), (2, 0), (0, 1), (0, 1, 2))
"""The basis: which of e_x, e_y, e_z are multiplied, in this order."""


@cache
def table() -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Return (partner, sign, triple), each [8 (k), 8 (i)].

    Component k of a product is the sum over i of sign x[i] y[partner]: for each i there is one.
    `triple` counts the triples of grades, sorted by (grade of k, of i, of the partner).
    """
    partner = np.zeros((8, 8), np.int64)
    sign = np.zeros((8, 8))
    grades = np.zeros((8, 8, 3), np.int64)
    for i, left in enumerate(BLADES):
        for j, right in enumerate(BLADES):
            k, value = _place(left + right)
            partner[k, i], sign[k, i] = j, value
            grades[k, i] = len(BLADES[k]), len(left), len(right)
    _, triple = np.unique(grades.reshape(64, 3), axis=0, return_inverse=True)
    return partner, sign, triple.reshape(8, 8)


def dense() -> NDArray[np.float64]:
    """Return the multiplication table [8 (i), 8 (j), 8 (k)]."""
    partner, sign, _ = table()
    full = np.zeros((8, 8, 8))
    k, i = np.indices((8, 8))
    full[i, partner, k] = sign
    return full


def triples() -> NDArray[np.int64]:
    """Return the number of the triple of grades of each entry [8 (i), 8 (j), 8 (k)]; 0 if none."""
    partner, _, triple = table()
    full = np.zeros((8, 8, 8), np.int64)
    k, i = np.indices((8, 8))
    full[i, partner, k] = triple
    return full


def _place(word: tuple[int, ...]) -> tuple[int, int]:
    """Return which basis element a product of basis vectors is, and its sign."""
    reduced, sign = _sorted(word)
    for k, blade in enumerate(BLADES):
        standard, turned = _sorted(blade)
        if standard == reduced:
            return k, sign * turned
    raise AssertionError(f"{word} is no basis element")


def _sorted(word: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """Sort by swaps of neighbours, each a factor -1, and drop equal neighbours (squares are 1)."""
    letters, sign = list(word), 1
    at = 0
    while at < len(letters) - 1:
        if letters[at] == letters[at + 1]:
            del letters[at : at + 2]
            at = max(at - 1, 0)
        elif letters[at] > letters[at + 1]:
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
            sign, at = -sign, max(at - 1, 0)
        else:
            at += 1
    return tuple(letters), sign
