r"""Solid convolution with tensor products at nodes and only sums along edges [@li2025].

With p = r[src] and q = -r[dst] the addition theorem splits R_l2(p + q) into couplings of R_v(p) and
R_u(q), u + v = l2, and recoupling three angular momenta [@varshalovich1988] ch. 9 moves x to R_v:

    [x_l1 x [R_v x R_u]_l2]_l3 = sum_k (-1)^(l1+v+u+l3) sqrt((2k+1)(2 l2+1)) {l1 v k; u l3 l2}
                                 [[x_l1 x R_v]_k x R_u]_l3.

So each node makes P[l1, v, k] = [x_l1 x R_v(r)]_k once; edges sum a P by `dst`; and each node
couples its sums with R_u(-r). The number of tensor products does not depend on that of edges:
O(L^7) for each node and channel, with zeros O(L^9) for the matrices of each node, and O(L^4)
numbers along each edge.

**Where it fails.** R_v(p) and R_u(q) are of the size of |r|^l, and their sum of |r_src - r_dst|^l:
rounding grows like (|r| / |r_src - r_dst|)^l. Positions are counted from their mean, so that a
translation of all of them costs nothing; the extent of the structure remains.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, sqrt
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.inputs.named import counts_of
from impls.points.harmonics import Harmonics
from impls.points.solid_convolution.operation import paths_of
from impls.problem import Problem, Refusal
from impls.products.paths import Path
from impls.so3.symbols import alternating, triangle, wigner_6j
from impls.so3.wigner import clebsch_gordan


@dataclass(frozen=True)
class State:
    """One product [x_l1 x R_v]_k of a node; its components are `rows` of the block."""

    v: int
    k: int
    rows: slice


@dataclass(frozen=True)
class Block:
    """All paths that read one item of x.

    `first` [harmonics, states (2 l1+1)] couples x with R(r), `second` [harmonics, outputs states]
    the sums with R(-r).
    """

    item: slice
    states: int
    first: Any
    second: Any


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse bfloat16: the cancellation leaves no digit of it."""
    if problem.dtype == "bfloat16":
        return Refusal("bfloat16: nothing is left after the cancellation", "use edge_wise, float32")
    return None


def node_wise(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    nodes, lmax = counts_of(problem)[0], irreps_of(problem)[1].lmax
    blocks, host_order = _blocks(paths_of(problem), lmax, b)
    order, solid = b.index(host_order), Harmonics(range(lmax + 1), b, solid=True)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        src, dst, a, r = (inputs[name] for name in ("src", "dst", "a", "r"))
        r = r - r.mean(0)
        here, back, found = solid(r), solid(-r), []
        for block in blocks:
            x = inputs["x"][..., block.item].swapaxes(1, 2)
            matrix = (here @ block.first).reshape(nodes, block.states, -1)
            sent = b.gather(matrix @ x, src)
            sums = b.segment_sum(sent * a[:, None, :], dst, nodes)
            found.append((back @ block.second).reshape(nodes, -1, block.states) @ sums)
        z = b.concatenate(found, 1).swapaxes(1, 2)
        return {"z": b.take(z, order)}

    return Built(call, kernel="products at nodes, sums along edges")


def recoupling(l1: int, v: int, u: int, l3: int, k: int, l2: int) -> float:
    """Return the coefficient of [[l1 x v]_k x u]_l3 in [l1 x [v x u]_l2]_l3, orthonormal couplings.

    It carries over to the real basis as it stands: the phases of the real couplings cancel.
    """
    size = sqrt((2 * k + 1) * (2 * l2 + 1))
    return alternating(l1 + v + u + l3) * size * wigner_6j(l1, v, k, u, l3, l2)


def _blocks(paths: tuple[Path, ...], lmax: int, b: Backend) -> tuple[list[Block], np.ndarray]:
    """Return one block for each item of x, and where each output component is computed."""
    blocks, written = [], []
    for item in sorted({path.i1 for path in paths}):
        mine = [path for path in paths if path.i1 == item]
        states = _states(mine)
        size = states[-1].rows.stop
        first = np.zeros(((lmax + 1) ** 2, size, mine[0].ir1.dim))
        for state in states:
            tensor = clebsch_gordan(mine[0].ir1.l, state.v, state.k)
            first[_harmonics(state.v), state.rows] = tensor.transpose(1, 2, 0)
        second = np.zeros(((lmax + 1) ** 2, sum(path.ir3.dim for path in mine), size))
        start = 0
        for path in mine:
            rows = slice(start, start + path.ir3.dim)
            for state in states:
                _add(second[:, rows, state.rows], path, state)
            written.append(np.arange(path.out.start, path.out.stop))
            start = rows.stop
        tables = (b.table(table.reshape(len(table), -1)) for table in (first, second))
        blocks.append(Block(mine[0].in1, size, *tables))
    return blocks, np.argsort(np.concatenate(written))


def _states(paths: list[Path]) -> list[State]:
    """Return the products that the paths of one item need."""
    states: list[State] = []
    start, l1 = 0, paths[0].ir1.l
    for v in range(max(path.ir2.l for path in paths) + 1):
        for k in range(abs(l1 - v), l1 + v + 1):
            if any(v <= path.ir2.l and triangle(k, path.ir2.l - v, path.ir3.l) for path in paths):
                states.append(State(v, k, slice(start, start + 2 * k + 1)))
                start += 2 * k + 1
    return states


def _add(table: np.ndarray, path: Path, state: State) -> None:
    """Write what a state gives to a path into `table` [harmonics, 2 l3+1, 2k+1]."""
    l1, l2, l3 = path.ir1.l, path.ir2.l, path.ir3.l
    u = l2 - state.v
    if u >= 0 and triangle(state.k, u, l3):
        factor = sqrt(comb(2 * l2, 2 * u)) * recoupling(l1, state.v, u, l3, state.k, l2)
        table[_harmonics(u)] = factor * clebsch_gordan(state.k, u, l3).transpose(1, 2, 0)


def _harmonics(degree: int) -> slice:
    return slice(degree**2, (degree + 1) ** 2)


ALGORITHM = Algorithm(
    "solid_convolution",
    "node_wise",
    "products at nodes, sums along edges",
    node_wise,
    supports=supports,
    papers=("li2025",),
    growth=Growth({"lmax": 9, "channels": 1}, "few channels: matrices of nodes; else L^7"),
)
