"""Irreps of one degree weighed into others, for each channel: shared by own code."""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.backends import Backend


class Weighted:
    """y[t, m, c] = sum over (s, path), table[s, t, path] w[path, c] x[s, m, c], m = 1 .. dim."""

    def __init__(self, table: np.ndarray, dim: int, b: Backend) -> None:
        """Take the table [sources, targets, paths] and the dimension of the irrep."""
        self.sources, self.targets, self.dim = table.shape[0], table.shape[1], dim
        self.table = b.table(table.reshape(-1, table.shape[2]))

    def __call__(self, x: Any, w: Any) -> Any:
        """Return [n, targets dim, channels] of x [n, sources dim, channels] and w."""
        n, channels = x.shape[0], x.shape[2]
        matrix = (self.table @ w).reshape(self.sources, self.targets, channels)
        each = x.reshape(n, self.sources, self.dim * channels).swapaxes(1, 2)
        each = each.reshape(n * self.dim, channels, self.sources).swapaxes(0, 1)
        # [channels, n dim, sources] x [channels, sources, targets]
        mixed = each @ matrix.swapaxes(1, 2).swapaxes(0, 1)
        mixed = mixed.swapaxes(0, 1).reshape(n, self.dim * channels, self.targets).swapaxes(1, 2)
        return mixed.reshape(n, self.targets * self.dim, channels)
