"""Tables of G(3,0,1) by counting swaps: geometric product, join and equivariant linear maps."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from impls.families.multivector import BLADES, GRADES

Blade = tuple[int, ...]
Array = NDArray[np.float64]


@cache
def products() -> Array:
    """Return the tables of geometric product and join [2, 16 (i), 16 (j), 16 (k)]."""
    tables = np.zeros((2, 16, 16, 16))
    for i, left in enumerate(BLADES):
        for j, right in enumerate(BLADES):
            shared = set(left) & set(right)
            if 0 not in shared:  # e0 e0 = 0, the other squares are 1
                tables[0, i, j, _place(set(left) ^ set(right))] = _swaps(left, right)
            if len(left) + len(right) - len(shared) == 4:
                tables[1, i, j, _place(shared)] = _join_sign(left, right)
    return tables


@cache
def maps() -> Array:
    """Return a basis of the equivariant linear maps [9, 16 (out), 16 (in)].

    The projections to the five grades, then e0 times those to the first four.
    """
    found = np.zeros((9, 16, 16))
    for k, part in enumerate(GRADES):
        found[k, part, part] = np.eye(part.stop - part.start)
        if k < 4:
            found[5 + k, :, part] = products()[0, _place({0}), part].T
    return found


def _place(indices: set[int]) -> int:
    return BLADES.index(tuple(sorted(indices)))


def _swaps(left: Blade, right: Blade) -> int:
    """Return the sign of sorting two sorted words, written one after the other."""
    return int((-1) ** sum(i > j for i in left for j in right))


def _join_sign(left: Blade, right: Blade) -> int:
    """Return the sign in e_I v e_J = +-e_K, from (e_K)* = e_I* ^ e_J*."""
    shared = tuple(sorted(set(left) & set(right)))
    duals = [tuple(sorted(set(range(4)) - set(blade))) for blade in (left, right, shared)]
    signs = [_swaps(b, d) for b, d in zip((left, right, shared), duals, strict=True)]
    return signs[0] * signs[1] * signs[2] * _swaps(duals[0], duals[1])
