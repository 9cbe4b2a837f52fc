"""Irreps of one degree weighed into others, for each channel: shared by own code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from impls.backends import Backend

Terms = Mapping[tuple[int, int], Sequence[tuple[int, float]]]
"""By source and target: paths whose weights are summed, and their factors."""


class Weighted:
    """y[t, m, c] = sum over s and the terms (path, factor) of (s, t), factor w[path, c] x[s, m, c].

    m counts the components of an irrep, 1 .. dim.
    """

    def __init__(self, terms: Terms, shape: tuple[int, int], dim: int, b: Backend) -> None:
        """Lay out the terms of (sources, targets) as one table, shorter ones with zeros."""
        index = np.zeros((max(map(len, terms.values())), *shape), np.int64)
        factor = np.zeros(index.shape)
        for place, mine in terms.items():
            for n, (path, value) in enumerate(mine):
                index[(n, *place)], factor[(n, *place)] = path, value
        self.shape, self.dim, self.b = index.shape, dim, b
        self.index, self.factor = b.index(index.ravel()), b.table(factor.ravel()[:, None])

    def __call__(self, x: Any, w: Any) -> Any:
        """Return [n, targets dim, channels] of x [n, sources dim, channels] and w."""
        n, channels, (_, sources, targets) = x.shape[0], x.shape[2], self.shape
        weights = self.b.take(w, self.index, 0) * self.factor
        matrix = weights.reshape(*self.shape, channels).sum(0)
        each = x.reshape(n, sources, self.dim * channels).swapaxes(1, 2)
        each = each.reshape(n * self.dim, channels, sources).swapaxes(0, 1)
        # [channels, n dim, sources] x [channels, sources, targets]
        mixed = each @ matrix.swapaxes(1, 2).swapaxes(0, 1)
        mixed = mixed.swapaxes(0, 1).reshape(n, self.dim * channels, targets).swapaxes(1, 2)
        return mixed.reshape(n, targets * self.dim, channels)
