r"""Rotate to the frame of each edge, one matrix product for each order m, rotate back, sum.

For m >= 1 the rows (x'[+m], x'[-m]) of all input degrees and channels are one batch of 2 edges:
P = X H, Q = X K, z'[+m] = P+ - Q-, z'[-m] = Q+ + P- [@passaro2023]. Turning all irreps by one
matrix for each edge (see `in_frame`) is O(L^4) for each edge and channel; irrep by irrep it would
be O(L^3), in more and smaller products. O(L^3 C^2) in the matrix products. `escn` has h and k,
`escn_o3` what inversion allows of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import channels_of
from impls.growth import Growth
from impls.implementation import Built
from impls.points.escn.in_frame import Rows, in_frame
from impls.points.escn.operation import KEEPS_INVERSION, M_MAX, Path, ends_of, paths_of
from impls.points.harmonics import supports
from impls.problem import Problem


class Mixing:
    """The weights of one order, h or k, as a matrix [inputs and channels, outputs and channels]."""

    def __init__(
        self,
        paths: Sequence[Path],
        odd: bool,
        m: int,
        inside: list[int],
        out: list[int],
        b: Backend,
    ) -> None:
        """Take the irreps that have the order; pairs without a weight are zero."""
        where = {(p.i, p.o): n for n, p in enumerate(paths) if (p.odd, p.m) == (odd, m)}
        index = np.array([[where.get((i, o), -1) for o in out] for i in inside])
        self.shape, self.empty = index.shape, bool(np.all(index < 0))
        self.index = b.index(np.maximum(index, 0).ravel())
        partial = bool(np.any(index < 0))
        self.mask = b.table((index >= 0)[:, :, None, None]) if partial else None

    def __call__(self, h: Any) -> Any:
        """Return the matrix."""
        blocks = h[self.index].reshape(*self.shape, *h.shape[1:])
        blocks = blocks if self.mask is None else blocks * self.mask
        rows, columns = self.shape
        return blocks.swapaxes(1, 2).reshape(rows * h.shape[1], columns * h.shape[2])


def linear_map(
    problem: Problem, parity: bool, inside: Rows, out: Rows, b: Backend
) -> Callable[[Any, Any], Any]:
    """Return f(rows [edges, rows, channels], h) -> rows of the output, in the frame."""
    paths, channels = paths_of(problem, parity), channels_of(problem)
    orders, written = [], []
    for m in range(inside.top + 1):
        signs = (m, -m) if m else (0,)
        both = [Mixing(paths, odd, m, inside.having(m), out.having(m), b) for odd in (False, True)]
        orders.append((b.index(np.concatenate([inside.at(s) for s in signs])), *both))
        written += [out.at(s) for s in signs]
    order = b.index(np.argsort(np.concatenate(written)))

    def mixed(rows: Any, h: Any) -> Any:
        edges, found = rows.shape[0], []
        for m, (index, even, odd) in enumerate(orders):
            signs = 2 if m else 1
            pair = b.take(rows, index, 1)
            pair = pair.reshape(edges, signs, index.shape[0] // signs * channels)
            terms = [] if even.empty and m else [pair @ even(h)]
            if not odd.empty:
                turned = pair @ odd(h)
                terms.append(b.concatenate([-turned[:, 1:], turned[:, :1]], 1))
            total = sum(terms[1:], terms[0])
            found.append(total.reshape(edges, signs * (total.shape[2] // channels), channels))
        return b.take(b.concatenate(found, 1), order, 1)

    return mixed


def so2(parity: bool, problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm; with `parity`, for the operation that keeps inversion."""
    top = M_MAX.of(problem)
    inside, out = (Rows(irreps, top) for irreps in ends_of(problem))
    mixed = linear_map(problem, parity, inside, out, b)
    call = in_frame(inside, out, lambda rows, weights: mixed(rows, weights["h"]), b)
    return Built(call, kernel=f"{top + 1} matrix products, one for each order; D in the call")


ALGORITHMS = tuple(
    Algorithm(
        operation,
        "so2",
        "SO(2) maps in the edge frame",
        partial(so2, parity),
        supports=supports,
        papers=("passaro2023",),
        growth=Growth(
            {"lmax": 4, "channels": 2},
            "few channels: frames; else L^3 C^2",
        ),
    )
    for operation, parity in KEEPS_INVERSION.items()
)
