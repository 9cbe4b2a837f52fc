"""The couplings of all paths as one matrix, grouped by the item of x: shared by own code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impls.products.paths import Path


@dataclass(frozen=True)
class Block:
    """All paths that read one item of x, or copies of an irrep that follow each other in x.

    `columns` are the columns of the coupling matrix that, per edge, form the matrix [rows, dim]
    which takes a copy to the outputs of its paths. `item` are all copies in x, and `path`
    [rows copies] is the path of each row and copy.
    """

    item: slice
    columns: slice
    rows: int
    path: NDArray[np.int64]
    copies: int = 1

    @property
    def dim(self) -> int:
        """Return the components of one copy."""
        return (self.columns.stop - self.columns.start) // self.rows


def coupling_matrix(
    paths: Sequence[Path], edge_dim: int, runs: Sequence[tuple[int, int]] | None = None
) -> tuple[NDArray[np.float64], tuple[Block, ...], NDArray[np.int64]]:
    """Return (matrix [edge_dim, columns], blocks, order).

    sh @ matrix holds, block after block, the per-edge matrices [rows, dim of the item]. The rows
    of all blocks, one after another, each for all copies, are the output components in the order
    of the items of x: canonical = rows[order]. `runs` gives the blocks as (first item, copies);
    by default every item is a block of its own.
    """
    parts, blocks, written, start = [], [], [], 0
    for item, copies in runs or [(item, 1) for item in sorted({path.i1 for path in paths})]:
        chosen = [k for k, path in enumerate(paths) if path.i1 == item]
        if not chosen:
            continue
        for k in chosen:
            path = paths[k]
            part = np.zeros((edge_dim, path.ir3.dim, path.ir1.dim))
            part[path.in2] = path.tensor.transpose(1, 2, 0)
            parts.append(part.reshape(edge_dim, -1))
            first = path.out.start + np.arange(path.ir3.dim)  # paths of copies follow each other
            written.append((first[:, None] + path.ir3.dim * np.arange(copies)).ravel())
        dims = [paths[k].ir3.dim for k in chosen]
        one = paths[chosen[0]]
        stop = start + sum(dims) * one.ir1.dim
        numbers = np.repeat(chosen, dims)[:, None] + np.arange(copies)
        whole = slice(one.in1.start, one.in1.start + copies * one.ir1.dim)
        blocks.append(Block(whole, slice(start, stop), sum(dims), numbers.ravel(), copies))
        start = stop
    return np.concatenate(parts, axis=1), tuple(blocks), np.argsort(np.concatenate(written))


def copies_as_channels(x: Any, copies: int) -> Any:
    """Return copies of an irrep, x [n, copies dim, channels], as [n, dim, copies channels]."""
    if copies == 1:
        return x
    n, channels = x.shape[0], x.shape[2]
    return x.reshape(n, copies, -1, channels).swapaxes(1, 2).reshape(n, -1, copies * channels)
