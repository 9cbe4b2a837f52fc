"""The terms of each component of a slot of a multilinear form, as the Triton programs read them.

    component a of slot s:  sum over t < counts[a] of numbers[t, a] * prod_r v_r[places[r, t, a]]

over the other slots r. Component a of term t lies beside component a + 1 of term t, so that threads
that take neighbouring components read neighbouring words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from impls.kernels.kernel import Kernel


@dataclass(frozen=True)
class Terms:
    """`counts` [components], `places` [slots, most, components], `numbers` [most, components]."""

    counts: NDArray[np.int32]
    places: NDArray[np.int32]
    numbers: NDArray[np.float64]


@lru_cache(maxsize=64)
def terms_of(kernel: Kernel, slot: int) -> Terms:
    """Return the terms of each component of a slot, in the order of the form; zeros behind them."""
    sizes, places, values = kernel.entries
    counts = np.bincount(places[:, slot], minlength=sizes[slot])
    order = np.argsort(places[:, slot], kind="stable")
    component = places[order, slot]
    term = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    found = np.zeros((len(sizes), counts.max(), sizes[slot]), np.int32)
    numbers = np.zeros(found.shape[1:])
    found[:, term, component] = places[order].T
    numbers[term, component] = values[order]
    return Terms(counts.astype(np.int32), found, numbers)
