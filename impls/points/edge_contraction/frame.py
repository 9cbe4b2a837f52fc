"""The contraction as it is written: products of pairs in the frame, then the weights of each order.

Real and imaginary parts of the numbers are rows of D x, up to signs and zeros. The pairs that give
one order are gathered and multiplied; for each channel one matrix product weighs them into all
outputs of the order, of which real and imaginary parts are rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.implementation import Built, Tensors
from impls.points.circle import Component, components_of
from impls.points.edge_contraction.operation import Pair, Path, paths_of
from impls.points.escn.in_frame import Rows, in_frame
from impls.points.escn.operation import ends_of
from impls.points.harmonics import supports
from impls.problem import Problem


class Numbers:
    """The complex numbers of some components, as real and imaginary parts from rows."""

    def __init__(self, rows: Rows, parts: Sequence[Component], signs: Sequence[int], b: Backend):
        """Find rows and factors; `signs` -1 conjugate."""
        index, factor = np.zeros((2, len(parts)), np.int64), np.zeros((2, len(parts)))
        for n, (part, sign) in enumerate(zip(parts, signs, strict=True)):
            middle = rows.start(part.item) + rows.orders(part.item)
            plus, minus = middle + part.m, middle - part.m
            # c is x[+m] + i x[-m], or x[-m] - i x[+m]
            index[:, n] = (plus, minus) if part.natural else (minus, plus)
            factor[:, n] = (1, sign) if part.natural else (1, -sign)
            if not part.m:
                factor[0 if not part.natural else 1, n] = 0
        self.b, self.shape = b, index.shape
        self.index, self.factor = b.index(index.ravel()), b.table(factor.ravel()[:, None])

    def __call__(self, rows: Any) -> Any:
        """Return [edges, 2, parts, channels]."""
        found = self.b.take(rows, self.index, 1) * self.factor
        return found.reshape(rows.shape[0], *self.shape, rows.shape[2])


@dataclass(frozen=True)
class Order:
    """All products of one order, and their weights into outputs.

    `real` says whether the outputs read the real part, `imaginary` the other; of orders above 0
    both. `index` [pairs, outputs] places the weights, `mask` is 0 where there is none.
    """

    first: Numbers
    second: Numbers
    real: bool
    imaginary: bool
    index: Any
    mask: Any
    shape: tuple[int, int]


def frame(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    irreps_in, irreps_out = ends_of(problem)
    inside, out = Rows(irreps_in, irreps_in.lmax), Rows(irreps_out, irreps_out.lmax)
    orders: list[Order] = []
    written, signs = [], []
    paths = paths_of(problem)
    where = {(path.out, path.pair): n for n, path in enumerate(paths)}
    for kind in sorted({part.kind for part in components_of(irreps_out)}):
        parts = [part for part in components_of(irreps_out) if part.kind == kind]
        mine = [path for path in paths if path.out.kind == kind]
        if not mine:
            continue
        orders.append(_order(parts, mine, where, inside, b))
        for half in (0, 1):
            if parts[0].m or half == (kind == "0o"):
                for part in parts:
                    middle = out.start(part.item) + out.orders(part.item)
                    # z[+m] and z[-m] are the real and imaginary parts of c, or of i c
                    swapped = half != (not part.natural)
                    written.append(middle + (-part.m if swapped else part.m))
                    signs.append(-1 if half and not part.natural else 1)
    total = out.start(len(irreps_out))
    place, factor = np.zeros(total, np.int64), np.zeros(total)
    place[written], factor[written] = np.arange(len(written)), signs
    arrange, scale = b.index(place), b.table(factor[:, None])

    def f(sender: Any, receiver: Any, weights: Tensors) -> Any:
        found = [_products(order, sender, receiver, weights["w"], b) for order in orders]
        return b.take(b.concatenate(found, 1), arrange, 1) * scale

    call = in_frame(inside, out, f, b, ends=("src", "dst"))
    return Built(call, kernel=f"{len(orders)} products of pairs and of weights, D in the call")


def _order(
    parts: Sequence[Component],
    paths: Sequence[Path],
    where: dict[tuple[Component, Pair], int],
    inside: Rows,
    b: Backend,
) -> Order:
    pairs = list(dict.fromkeys(path.pair for path in paths))
    index = np.array([[where.get((part, pair), -1) for part in parts] for pair in pairs])
    kind = parts[0].kind
    return Order(
        Numbers(inside, [p.first for p in pairs], [p.conjugate[0] for p in pairs], b),
        Numbers(inside, [p.second for p in pairs], [p.conjugate[1] for p in pairs], b),
        kind != "0o",
        kind != "0e",
        b.index(np.maximum(index, 0).ravel()),
        b.table((index >= 0).ravel()[:, None] * 1.0),
        index.shape,
    )


def _products(order: Order, sender: Any, receiver: Any, w: Any, b: Backend) -> Any:
    """Return the parts of the outputs [edges, parts outputs, channels], real before imaginary."""
    one, two = order.first(sender), order.second(receiver)
    parts = []
    if order.real:
        parts.append(one[:, 0] * two[:, 0] - one[:, 1] * two[:, 1])
    if order.imaginary:
        parts.append(one[:, 0] * two[:, 1] + one[:, 1] * two[:, 0])
    edges, pairs, channels = parts[0].shape
    both = b.concatenate([part[:, None] for part in parts], 1).reshape(-1, pairs, channels)
    matrix = (b.take(w, order.index, 0) * order.mask).reshape(*order.shape, channels)
    # one matrix product [edges parts, pairs] x [pairs, outputs] for each channel
    found = both.swapaxes(0, 2).swapaxes(1, 2) @ matrix.swapaxes(0, 2).swapaxes(1, 2)
    return found.swapaxes(1, 2).swapaxes(0, 2).reshape(edges, -1, channels)


ALGORITHM = Algorithm(
    "edge_contraction",
    "frame",
    "products in the edge frame",
    frame,
    supports=supports,
    papers=("xu2026",),
)
