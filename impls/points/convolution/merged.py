"""Equal neighbours among the items of x as one item of more channels.

A feature of 128x0+64x1+32x2 is 32 channels of 0+0+0+0+1+1+2 here: unequal numbers of channels as
copies of an irrep. Their paths follow each other, and couple alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np

from impls.peers.e3nn import Ints, flat_order
from impls.products.paths import Path
from impls.so3.irreps import Irreps


@dataclass(frozen=True)
class Merged:
    """The product on merged items, and what carries canonical arrays to it.

    `node` and `out` have copies as multiplicities; a line (i1, i2, i3) couples an item of each with
    one of the edge. Channel c of copy k is channel c copies + k of its item. With one axis for all
    channels, native = canonical.reshape(n, -1)[:, index] for x (`flat`), weights (`weights`, None
    where the order is the same) and the output (`rows`).
    """

    node: Irreps
    out: Irreps
    lines: tuple[tuple[int, int, int], ...]
    flat: Ints
    weights: Ints | None
    rows: Ints


def runs_of(node: Irreps) -> list[tuple[int, int]]:
    """Return (first item, copies) of each run of equal neighbours."""
    runs = [len(list(run)) for _, run in groupby(ir for _, ir in node)]
    return list(zip(np.cumsum([0, *runs[:-1]]).tolist(), runs, strict=True))


def merged(node: Irreps, paths: tuple[Path, ...], channels: int) -> Merged:
    """Merge equal neighbours of `node`; the paths are those of its single items."""
    firsts, runs = zip(*runs_of(node), strict=True)
    items = tuple((n, node.items[first][1]) for first, n in runs_of(node))
    lines: list[tuple[int, int, int]] = []
    out, weights, rows = [], [], []
    dim = paths[-1].out.stop
    for k, path in enumerate(paths):
        if path.i1 not in firsts:
            continue
        i1 = firsts.index(path.i1)
        lines.append((i1, path.i2, len(lines)))
        out.append((runs[i1], path.ir3))
        channel, copy = np.indices((channels, runs[i1]))
        weights.append(((k + copy) * channels + channel).ravel())
        start = channel * dim + path.out.start + copy * path.ir3.dim
        rows.append((start[..., None] + np.arange(path.ir3.dim)).ravel())
    order = np.concatenate(weights)
    whole = Irreps(items)
    return Merged(
        whole,
        Irreps(tuple(out)),
        tuple(lines),
        flat_order(whole, channels),
        None if np.array_equal(order, np.arange(len(order))) else order,
        np.concatenate(rows),
    )
