"""The terms of each component of a slot of a multilinear form, as the Triton programs read them.

    component a of slot s:  sum over first[a] <= t < first[a + 1] of
                            numbers[t] * prod_r v_r[places[r, t]]

over the other slots r.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from impls.kernels.kernel import Kernel


@dataclass(frozen=True)
class Terms:
    """`first` [components + 1], `places` [slots, terms], `numbers` [terms]."""

    first: NDArray[np.int32]
    places: NDArray[np.int32]
    numbers: NDArray[np.float64]


@lru_cache(maxsize=64)
def terms_of(kernel: Kernel, slot: int) -> Terms:
    """Return the terms of each component of a slot, in the order of the form."""
    sizes, places, values = kernel.entries
    counts = np.bincount(places[:, slot], minlength=sizes[slot])
    order = np.argsort(places[:, slot], kind="stable")
    first = np.concatenate([[0], np.cumsum(counts)])
    found = np.ascontiguousarray(places[order].T, np.int32)
    return Terms(first.astype(np.int32), found, values[order])
