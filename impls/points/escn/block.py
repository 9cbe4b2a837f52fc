r"""SO(2) maps with h and k in one matrix: an order at a time, or all orders padded to one size.

As real matrices the complex products of `so2` are

    (z'[+m], z'[-m]) = (x'[+m], x'[-m]) [[H, K], [-K, H]]

with the rows of all input degrees and channels [@fairchem2026]: one matrix product for each order
in place of two, with as much arithmetic, and no sums after it. `padded` lays rows out as
[orders, edges, 2, irreps, channels] with zeros where an irrep has no such order, so that one
batched product serves all orders [@physicsnemo2026]; it multiplies (L+1)^3 pairs of irreps where
sum_m (L-m+1)^2, for large L a third of them, are not zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import channels_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.points.escn.in_frame import Rows, in_frame
from impls.points.escn.operation import M_MAX, Path, ends_of, paths_of
from impls.points.harmonics import supports
from impls.problem import Problem


class Blocks:
    """The weights of some orders as matrices [orders, 2 inputs channels, 2 outputs channels].

    `inside` and `out` are the irreps of rows and columns; those without the order have zeros. The
    order 0 alone has no rows -m, unless it is beside others.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        orders: Sequence[int],
        inside: Sequence[int],
        out: Sequence[int],
        b: Backend,
    ) -> None:
        """Find the weight in each place, and its sign."""
        where = {(p.odd, p.m, p.i, p.o): n for n, p in enumerate(paths)}
        signs = 2 if max(orders) else 1
        index = np.zeros((len(orders), signs, len(inside), signs, len(out)), np.int64)
        sign = np.zeros(index.shape)
        for n, m in enumerate(orders):
            for s, t in np.ndindex(signs if m else 1, signs if m else 1):
                for row, i in enumerate(inside):
                    for column, o in enumerate(out):
                        found = where.get((s != t, m, i, o))
                        if found is not None:
                            index[n, s, row, t, column] = found
                            sign[n, s, row, t, column] = -1 if s > t else 1
        self.shape, self.index = index.shape, b.index(index.ravel())
        self.sign = b.table(sign.ravel()[:, None, None])

    def __call__(self, h: Any) -> Any:
        """Return the matrices of h [paths, channels, channels]."""
        orders, signs, inside, _, out = self.shape
        rows, columns = signs * inside, signs * out
        blocks = (h[self.index] * self.sign).reshape(orders * rows, columns, *h.shape[1:])
        return blocks.swapaxes(1, 2).reshape(orders, rows * h.shape[1], columns * h.shape[2])


def linear_map(problem: Problem, inside: Rows, out: Rows, b: Backend) -> Callable[[Any, Any], Any]:
    """Return f(rows [edges, rows, channels], h) -> rows of the output, in the frame."""
    paths, channels = paths_of(problem, False), channels_of(problem)
    orders, written = [], []
    for m in range(inside.top + 1):
        signs = (m, -m) if m else (0,)
        read = b.index(np.concatenate([inside.at(s) for s in signs]))
        orders.append((read, Blocks(paths, [m], inside.having(m), out.having(m), b)))
        written += [out.at(s) for s in signs]
    order = b.index(np.argsort(np.concatenate(written)))

    def mixed(rows: Any, h: Any) -> Any:
        edges, found = rows.shape[0], []
        for read, matrix in orders:
            each = b.take(rows, read, 1).reshape(edges, read.shape[0] * channels)
            each = each @ matrix(h)[0]
            found.append(each.reshape(edges, each.shape[1] // channels, channels))
        return b.take(b.concatenate(found, 1), order, 1)

    return mixed


def block(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm of one product for each order."""
    top = M_MAX.of(problem)
    inside, out = (Rows(irreps, top) for irreps in ends_of(problem))
    mixed = linear_map(problem, inside, out, b)
    call = in_frame(inside, out, lambda rows, weights: mixed(rows, weights["h"]), b)
    return Built(call, kernel=f"{top + 1} matrix products of h and k together; D in the call")


def padded(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm of one batched product for all orders."""
    inside, out = (Rows(irreps, M_MAX.of(problem)) for irreps in ends_of(problem))
    paths, channels = paths_of(problem, False), channels_of(problem)
    orders = range(inside.top + 1)
    matrix = Blocks(paths, orders, range(len(inside.irreps)), range(len(out.irreps)), b)
    read, present = _places(inside)
    reads, mask = b.index(read.ravel()), b.table(present.ravel()[:, None] * 1.0)
    write, there = _places(out)
    order = b.index(np.flatnonzero(there.ravel())[np.argsort(write[there])])

    def mixed(rows: Any, weights: Tensors) -> Any:
        edges = rows.shape[0]
        width = reads.shape[0] // len(orders) * channels
        wide = (b.take(rows, reads, 1) * mask).reshape(edges, len(orders), width)
        found = (wide.swapaxes(0, 1) @ matrix(weights["h"])).swapaxes(0, 1)
        return b.take(found.reshape(edges, write.size, channels), order, 1)

    call = in_frame(inside, out, mixed, b)
    return Built(call, kernel="one matrix product for all orders, padded; D in the call")


def _places(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Return the row at [order, sign, irrep], and whether there is one."""
    signs = 2 if rows.top else 1
    found = np.full((rows.top + 1, signs, len(rows.irreps)), -1)
    for m in range(rows.top + 1):
        for s, order in enumerate((m, -m) if m else (0,)):
            found[m, s, rows.having(m)] = rows.at(order)
    return np.maximum(found, 0), found >= 0


ALGORITHMS = (
    Algorithm(
        "escn",
        "block",
        "SO(2) maps, h and k in one matrix",
        block,
        supports=supports,
        papers=("fairchem2026",),
        growth=Growth({"lmax": 4, "channels": 2}, "few channels: frames; else L^3 C^2"),
    ),
    Algorithm(
        "escn",
        "padded",
        "SO(2) maps, all orders in one product",
        padded,
        supports=supports,
        papers=("physicsnemo2026",),
        growth=Growth({"lmax": 4, "channels": 2}, "few channels: frames; else L^3 C^2"),
    ),
)
