"""The couplings of all paths as one matrix, grouped by the item of x: shared by own code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from impls.products.paths import Path


@dataclass(frozen=True)
class Block:
    """All paths that read one item of x.

    `columns` are the columns of the coupling matrix that, per edge, form the matrix [rows, dim]
    which takes the item of x to the outputs of these paths; `path` [rows] is the path of each row.
    """

    item: slice
    columns: slice
    rows: int
    path: NDArray[np.int64]


def coupling_matrix(
    paths: Sequence[Path], edge_dim: int
) -> tuple[NDArray[np.float64], tuple[Block, ...], NDArray[np.int64]]:
    """Return (matrix [edge_dim, columns], blocks, order).

    sh @ matrix holds, block after block, the per-edge matrices [rows, dim of the item]. The rows
    of all blocks, one after another, are the output components in the order of the items of x:
    canonical = rows[order].
    """
    parts, blocks, written, start = [], [], [], 0
    for item in sorted({path.i1 for path in paths}):
        chosen = [k for k, path in enumerate(paths) if path.i1 == item]
        for k in chosen:
            path = paths[k]
            part = np.zeros((edge_dim, path.ir3.dim, path.ir1.dim))
            part[path.in2] = path.tensor.transpose(1, 2, 0)
            parts.append(part.reshape(edge_dim, -1))
            written.append(np.arange(path.out.start, path.out.stop))
        dims = [paths[k].ir3.dim for k in chosen]
        stop = start + sum(dims) * paths[chosen[0]].ir1.dim
        blocks.append(
            Block(paths[chosen[0]].in1, slice(start, stop), sum(dims), np.repeat(chosen, dims))
        )
        start = stop
    return np.concatenate(parts, axis=1), tuple(blocks), np.argsort(np.concatenate(written))
