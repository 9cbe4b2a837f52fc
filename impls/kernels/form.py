"""A trilinear form, as data: F(x, y, g) = sum of c x_i y_j g_k over sparse coefficients."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

ZERO = 1e-12
"""Coefficients below this, relative to the largest, are zeros up to rounding."""
Block = tuple[int, int, int, NDArray[np.float64]]
"""Where a dense block of coefficients starts in the three slots, and the block."""


@dataclass(frozen=True, eq=False)
class TrilinearForm:
    """Sparse coefficients of a form on vectors of three dimensions, sorted, each place once.

    `places` [entries, 3] are (i, j, k) and `values` [entries] are c. The bilinear map of a form is
    its gradient with respect to g: z_k = sum of c x_i y_j.
    """

    dims: tuple[int, int, int]
    places: NDArray[np.int64]
    values: NDArray[np.float64]

    @classmethod
    def of(cls, dims: tuple[int, int, int], blocks: Iterable[Block]) -> TrilinearForm:
        """Return the sum of dense blocks, without what is zero up to rounding.

        Raises:
            ValueError: when nothing is left.
        """
        flat, values = [], []
        for i, j, k, block in blocks:
            where = np.nonzero(block)
            flat.append(((where[0] + i) * dims[1] + where[1] + j) * dims[2] + where[2] + k)
            values.append(block[where])
        places, inverse = np.unique(np.concatenate([[], *flat]), return_inverse=True)
        summed = np.bincount(inverse, np.concatenate([[], *values]), len(places))
        kept = np.abs(summed) > ZERO * np.abs(summed).max(initial=0.0)
        if not kept.any():
            raise ValueError(f"a trilinear form of dimensions {dims} has no coefficient")
        where = np.unravel_index(places[kept].astype(np.int64), dims)
        return cls(dims, np.stack(where, axis=1), summed[kept])

    @classmethod
    def dense(cls, table: NDArray[np.float64]) -> TrilinearForm:
        """Return the form of a table [dim(x), dim(y), dim(z)]."""
        first, second, third = table.shape
        return cls.of((first, second, third), [(0, 0, 0, table)])

    @cached_property
    def digest(self) -> str:
        """Return 16 hex digits: equal forms have equal ones."""
        data = repr(self.dims).encode() + self.places.tobytes() + self.values.tobytes()
        return hashlib.blake2b(data, digest_size=8).hexdigest()
