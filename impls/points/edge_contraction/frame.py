"""The contraction as it is written: products of pairs in the frame, then the weights of each order.

Real and imaginary parts of the numbers are rows of D x, up to signs and zeros. The pairs that give
one order are gathered and multiplied; for each channel one matrix product weighs them into all
outputs of the order, of which real and imaginary parts are rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.implementation import Built, Tensors
from impls.points.circle import Component
from impls.points.edge_contraction.operation import Path, paths_of
from impls.points.escn.in_frame import Rows, in_frame
from impls.points.escn.operation import ends_of
from impls.points.harmonics import supports
from impls.problem import Problem


def halves(part: Component) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (order, factor) of x' in the real and the imaginary part of c; factor 0 where none.

    c is x'[+m] + i x'[-m], or x'[-m] - i x'[+m]. Factors are their own inverses: x' is read off
    the parts of c by the same ones.
    """
    both = int(part.m > 0)
    if part.natural:
        return (part.m, 1), (-part.m, both)
    return (-part.m, both), (part.m, -1)


class Numbers:
    """The complex numbers of some components, as real and imaginary parts from rows."""

    def __init__(
        self, rows: Rows, parts: Sequence[Component], signs: Sequence[int], b: Backend
    ) -> None:
        """Find rows and factors; `signs` -1 conjugate."""
        index, factor = np.zeros((2, len(parts)), np.int64), np.zeros((2, len(parts)))
        for n, (part, sign) in enumerate(zip(parts, signs, strict=True)):
            for half, (m, value) in enumerate(halves(part)):
                index[half, n] = rows.middle(part.item) + m
                factor[half, n] = value * (sign if half else 1)
        self.b, self.shape = b, index.shape
        self.index, self.factor = b.index(index.ravel()), b.table(factor.ravel()[:, None])

    def __call__(self, rows: Any) -> Any:
        """Return [edges, 2, parts, channels]."""
        found = self.b.take(rows, self.index, 1) * self.factor
        return found.reshape(rows.shape[0], *self.shape, rows.shape[2])


class Order:
    """All products into one irrep of O(2), and their weights into the outputs that are it."""

    def __init__(self, paths: Sequence[tuple[int, Path]], inside: Rows, b: Backend) -> None:
        """Take the paths with their numbers."""
        pairs = {pair: n for n, pair in enumerate(dict.fromkeys(path.pair for _, path in paths))}
        self.outputs = list(dict.fromkeys(path.out for _, path in paths))
        self.b, self.shape = b, (len(pairs), len(self.outputs))
        index, mask = np.zeros(self.shape, np.int64), np.zeros(self.shape)
        for n, path in paths:
            place = pairs[path.pair], self.outputs.index(path.out)
            index[place], mask[place] = n, 1
        self.index, self.mask = b.index(index.ravel()), b.table(mask.ravel()[:, None])
        self.first = Numbers(inside, [p.first for p in pairs], [p.conjugate[0] for p in pairs], b)
        self.second = Numbers(inside, [p.second for p in pairs], [p.conjugate[1] for p in pairs], b)
        real, imaginary = halves(self.outputs[0])
        self.real, self.imaginary = real[1] != 0, imaginary[1] != 0

    def written(self, out: Rows) -> list[tuple[int, int]]:
        """Return the rows that a call returns, in order, and their factors."""
        return [
            (out.middle(part.item) + halves(part)[half][0], halves(part)[half][1])
            for half, there in enumerate((self.real, self.imaginary))
            for part in self.outputs
            if there
        ]

    def __call__(self, sender: Any, receiver: Any, w: Any) -> Any:
        """Return real before imaginary parts [edges, parts outputs, channels]."""
        one, two = self.first(sender), self.second(receiver)
        parts = []
        if self.real:
            parts.append(one[:, 0] * two[:, 0] - one[:, 1] * two[:, 1])
        if self.imaginary:
            parts.append(one[:, 0] * two[:, 1] + one[:, 1] * two[:, 0])
        edges, pairs, channels = parts[0].shape
        both = self.b.concatenate([part[:, None] for part in parts], 1)
        both = both.reshape(-1, pairs, channels).swapaxes(0, 2).swapaxes(1, 2)
        matrix = (self.b.take(w, self.index, 0) * self.mask).reshape(*self.shape, channels)
        # [channels, edges parts, pairs] x [channels, pairs, outputs]
        found = both @ matrix.swapaxes(0, 2).swapaxes(1, 2)
        found = found.swapaxes(1, 2).swapaxes(0, 2)
        return found.reshape(edges, len(parts) * self.shape[1], channels)


def frame(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    inside, out = (Rows(irreps, irreps.lmax) for irreps in ends_of(problem))
    paths = list(enumerate(paths_of(problem)))
    kinds = sorted({path.out.kind for _, path in paths})
    orders = [Order([p for p in paths if p[1].out.kind == kind], inside, b) for kind in kinds]
    place, factor = np.zeros((2, out.irreps.dim), np.int64)
    for n, (row, value) in enumerate(line for order in orders for line in order.written(out)):
        place[row], factor[row] = n, value
    arrange, scale = b.index(place), b.table(factor[:, None])

    def f(sender: Any, receiver: Any, weights: Tensors) -> Any:
        found = [order(sender, receiver, weights["w"]) for order in orders]
        return b.take(b.concatenate(found, 1), arrange, 1) * scale

    call = in_frame(inside, out, f, b, ends=("src", "dst"))
    return Built(call, kernel=f"{len(orders)} products of pairs and of weights, D in the call")


ALGORITHM = Algorithm(
    "edge_contraction",
    "frame",
    "products in the edge frame",
    frame,
    supports=supports,
    papers=("xu2026",),
)
