"""Channels mixed at nodes, once the messages are summed: shared by own code."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from impls.backends import Backend
from impls.points.convolution.operation import paths_of
from impls.problem import Problem


class Mixed:
    """One matrix product for each output irrep, over nodes, paths and channels."""

    def __init__(self, problem: Problem, b: Backend) -> None:
        """Find the paths into each irrep, which follow each other."""
        self.b, self.groups, first = b, [], 0
        for ir, found in groupby(paths_of(problem), key=lambda path: path.ir3):
            mine = list(found)
            rows = slice(mine[0].out.start, mine[-1].out.stop)
            self.groups.append((rows, ir.dim, slice(first, first + len(mine))))
            first += len(mine)

    def __call__(self, sums: Any, w: Any) -> Any:
        """Return z [nodes, channels, dim] of sums [nodes, dim of all paths, channels]."""
        nodes, channels, parts = sums.shape[0], sums.shape[2], []
        for rows, dim, paths in self.groups:
            part = sums[:, rows].reshape(nodes, -1, dim, channels).swapaxes(1, 2)
            parts.append(part.reshape(nodes, dim, -1) @ w[paths].reshape(-1, channels))
        return self.b.contiguous(self.b.concatenate(parts, 1).swapaxes(1, 2))
