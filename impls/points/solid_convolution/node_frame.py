r"""Solid convolution with the products of `node_wise` in frames of nodes, where they are sparse.

A rotation D of each node takes its own position r to the polar axis, where R_v(r) is |r|^v in the
component m = 0 and zero in the others. Then both couplings of `node_wise` are within one order m
[@huang2026]: the first is one gather and one number for each component,

    [x_l1 x R_v(r)]_k = D^T p,   p[k, m] = |r|^v C(l1 +-m, v 0, k m) (D x_l1)[+-m],

+m for even and -m for odd l1 + v + k, and the second one small matrix for each order. Nodes rotate
once, however many edges they have: O(L^5) for each node and channel, O(L^6) with the couplings of
all paths. What passes along edges is that of `node_wise`.

**Where it fails.** As there, rounding grows like (|r| / |r_ij|)^l with the extent of the structure.
And a node at the origin has no frame: positions are counted from their mean and a fixed vector
beside it, where no node is but by accident. One that is there gives no number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, sqrt
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.inputs.named import counts_of
from impls.points.escn.frame import frames
from impls.points.solid_convolution.node_wise import recoupling, supports
from impls.points.solid_convolution.operation import paths_of
from impls.pointwise.wigner import Wigner
from impls.problem import Problem
from impls.products.paths import ZERO, Path
from impls.so3.symbols import triangle
from impls.so3.wigner import clebsch_gordan

BESIDE = np.array([0.3125, 0.40625, -0.375])
"""From the mean of the positions to the origin, in their unit; in no direction of a lattice."""


@dataclass(frozen=True)
class State:
    """One product [x x R_v]_k of the item `item` of x."""

    item: int
    v: int
    k: int


class Blocks:
    """Irreps by degree, those of a degree side by side: rows (degree, component, copy)."""

    def __init__(self, degrees: Sequence[int]) -> None:
        """Place irreps of these degrees, in their order within each degree."""
        self.degrees = tuple(degrees)
        self.sizes = [(d, self.degrees.count(d)) for d in sorted(set(degrees))]

    def rows(self, which: int) -> np.ndarray:
        """Return the rows of the components of one irrep, m ascending."""
        degree = self.degrees[which]
        start = sum((2 * d + 1) * count for d, count in self.sizes if d < degree)
        copy, copies = self.degrees[:which].count(degree), self.degrees.count(degree)
        return start + copy + copies * np.arange(2 * degree + 1)

    def turned(self, matrices: Sequence[Any], a: Any, b: Backend) -> Any:
        """Return a [n, rows, channels] with the matrices of each degree applied."""
        n, channels, parts, start = a.shape[0], a.shape[2], [], 0
        for degree, copies in self.sizes:
            size = (2 * degree + 1) * copies
            part = a[:, start : start + size].reshape(n, 2 * degree + 1, -1)
            parts.append((matrices[degree] @ part).reshape(n, size, channels))
            start += size
        return b.concatenate(parts, 1)


@dataclass(frozen=True)
class Order:
    """The second coupling of one item of x, at the orders m and -m.

    `table` [powers, outputs states] makes the matrix of each node; it reads the rows `states`.
    """

    states: Any
    table: Any


def node_frame(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    nodes, (node, edge, _) = counts_of(problem)[0], irreps_of(problem)
    paths = paths_of(problem)
    states = states_of(paths)
    inside = Blocks([ir.l for _, ir in node])
    middle = Blocks([state.k for state in states])
    outside = Blocks([path.ir3.l for path in paths])
    enter = b.index(np.argsort(np.concatenate([inside.rows(i) for i in range(len(node))])))
    source, scale = _first(paths, states, inside, middle, edge.lmax)
    reads, scales = b.index(source), b.table(scale)
    orders, written = _second(paths, states, middle, outside, edge.lmax, b)
    arrange = b.index(np.argsort(written))
    leave = b.index(np.concatenate([outside.rows(n) for n in range(len(paths))]))
    wigner = Wigner(max(node.lmax, *(d for d, _ in middle.sizes + outside.sizes)), b)
    beside = b.table(BESIDE)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        src, dst, a = inputs["src"], inputs["dst"], inputs["a"]
        r = inputs["r"] - inputs["r"].mean(0) - beside
        there = wigner(frames(r, b))
        back = [matrix.swapaxes(1, 2) for matrix in there]
        length = ((r * r).sum(-1) ** 0.5)[:, None]
        powers = [length * 0 + 1]
        for _ in range(edge.lmax):
            powers.append(powers[-1] * length)
        power = b.concatenate(powers, 1)
        x = b.take(inputs["x"].swapaxes(1, 2), enter, 1)
        x = inside.turned(there, x, b)
        made = b.take(x, reads, 1) * (power @ scales)[:, :, None]
        sent = b.gather(middle.turned(back, made, b), src)
        sums = b.segment_sum(sent * a[:, None, :], dst, nodes)
        sums, found = middle.turned(there, sums, b), []
        for order in orders:
            matrix = (power @ order.table).reshape(nodes, -1, order.states.shape[0])
            found.append(matrix @ b.take(sums, order.states, 1))
        z = b.take(b.concatenate(found, 1), arrange, 1)
        z = outside.turned(back, z, b)
        return {"z": b.take(z, leave, 1).swapaxes(1, 2)}

    return Built(call, kernel="sparse products in the frames of nodes, sums along edges")


def states_of(paths: Sequence[Path]) -> list[State]:
    """Return the products that the paths need, by item of x."""
    found = {
        State(path.i1, v, k)
        for path in paths
        for v in range(path.ir2.l + 1)
        for k in range(abs(path.ir1.l - v), path.ir1.l + v + 1)
        if triangle(k, path.ir2.l - v, path.ir3.l)
    }
    return sorted(found, key=lambda state: (state.item, state.v, state.k))


def _first(
    paths: Sequence[Path], states: Sequence[State], inside: Blocks, middle: Blocks, lmax: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the row of x that each row of the states reads, and its factors [powers, rows]."""
    rows = sum(2 * state.k + 1 for state in states)
    source, scale = np.zeros(rows, np.int64), np.zeros((lmax + 1, rows))
    degrees = {path.i1: path.ir1.l for path in paths}
    for n, state in enumerate(states):
        table = clebsch_gordan(degrees[state.item], state.v, state.k)[:, state.v]
        reached = np.abs(table) > ZERO
        for m, row in enumerate(middle.rows(n)):
            if reached[:, m].any():
                one = int(reached[:, m].argmax())
                source[row] = inside.rows(state.item)[one]
                scale[state.v, row] = table[one, m]
    return source, scale


def _second(
    paths: Sequence[Path],
    states: Sequence[State],
    middle: Blocks,
    outside: Blocks,
    lmax: int,
    b: Backend,
) -> tuple[list[Order], np.ndarray]:
    """Return the matrices of all items and orders, and the output row of each row they give."""
    orders, written = [], []
    for item in sorted({path.i1 for path in paths}):
        mine = [n for n, path in enumerate(paths) if path.i1 == item]
        own = [n for n, state in enumerate(states) if state.item == item]
        for m in range(max(paths[n].ir3.l for n in mine) + 1):
            signs = np.array([m, -m] if m else [0])
            having = [n for n in mine if paths[n].ir3.l >= m]
            reading = [n for n in own if states[n].k >= m]
            table = np.zeros((lmax + 1, len(having), len(signs), len(reading), len(signs)))
            for row, n in enumerate(having):
                for column, o in enumerate(reading):
                    u = paths[n].ir2.l - states[o].v
                    if u >= 0:
                        table[u, row, :, column] = _last(paths[n], states[o], u, signs)
            written += [outside.rows(n)[paths[n].ir3.l + signs] for n in having]
            places = [middle.rows(n)[states[n].k + signs] for n in reading]
            reads = np.concatenate(places) if places else np.zeros(0, np.int64)
            orders.append(Order(b.index(reads), b.table(table.reshape(lmax + 1, -1))))
    return orders, np.concatenate(written)


def _last(path: Path, state: State, u: int, signs: np.ndarray) -> np.ndarray | float:
    """Return what orders of a state give to those of a path, with (-1)^u from R_u(-r)."""
    l1, l2, l3 = path.ir1.l, path.ir2.l, path.ir3.l
    if not triangle(state.k, u, l3):
        return 0.0
    factor = (-1) ** u * sqrt(comb(2 * l2, 2 * u)) * recoupling(l1, state.v, u, l3, state.k, l2)
    table = clebsch_gordan(state.k, u, l3)[:, u]
    return np.asarray(factor * table[np.ix_(state.k + signs, l3 + signs)].T)


ALGORITHM = Algorithm(
    "solid_convolution",
    "node_frame",
    "sparse products in frames of nodes",
    node_frame,
    supports=supports,
    papers=("huang2026",),
    growth=Growth({"lmax": 6, "channels": 1}),
)
