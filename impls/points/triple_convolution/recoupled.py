r"""Both factors of a node coupled before the edge is known, by 6j symbols.

With orthonormal couplings, recoupling three angular momenta [@varshalovich1988] ch. 9 takes the
edge from the first product to the last one [@xu2026]:

    [[x_l1 x Y_l2]_k x y_l4]_l3 = sum_j (-1)^(l2+l4+k+j) sqrt((2k+1)(2j+1)) {l2 l1 k; l4 l3 j}
                                  [[x_l1 x y_l4]_j x Y_l2]_l3.

Nodes make [x x x]_j once, and weigh them: paths that differ in l1, l4 and k alone end in the same
product with Y_l2, so that their weights, recoupled, are summed before anything is sent. What an
edge computes is one product with its harmonics, for all outputs of a degree one matrix product,
O(L^5) for each channel, whose matrix is O(L^6) for all of them; the weights are O(L^6) for each
node.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.points.harmonics import EdgeHarmonics, supports
from impls.points.triple_convolution.mixing import Weighted
from impls.points.triple_convolution.operation import Path, paths_of
from impls.problem import Problem
from impls.products.paths import coupled_paths
from impls.so3.irreps import Irrep, Irreps
from impls.so3.symbols import alternating, wigner_6j
from impls.so3.wigner import clebsch_gordan


def recoupling(l1: int, l2: int, k: int, l4: int, l3: int, j: int) -> float:
    """Return the coefficient of [[l1 x l4]_j x l2]_l3 in [[l1 x l2]_k x l4]_l3, orthonormal.

    It carries over to the real basis as it stands.
    """
    size = sqrt((2 * k + 1) * (2 * j + 1))
    return alternating(l2 + l4 + k + j) * size * wigner_6j(l2, l1, k, l4, l3, j)


def recoupled(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    node, edge, out = irreps_of(problem)
    paths, parts, sh_of = paths_of(problem), node.slices(), EdgeHarmonics(problem, b)
    middle = _middle(paths, node, edge, out)
    couples = coupled_paths(node, node, Irreps(tuple((1, ir) for ir in middle)))
    pairs, written = [], []  # by two items of x: their products of all degrees
    for first, second in sorted({(couple.i1, couple.i2) for couple in couples}):
        mine = [couple for couple in couples if (couple.i1, couple.i2) == (first, second)]
        joined = np.concatenate([couple.tensor for couple in mine], axis=2)
        pairs.append((parts[first], parts[second], b.table(joined.reshape(-1, joined.shape[2]).T)))
        written += [np.arange(couple.out.start, couple.out.stop) for couple in mine]
    order = b.index(np.argsort(np.concatenate(written)))
    groups, targets = [], []  # by j: its rows, and its weights into (output, harmonics)
    for j in middle:
        mine = [couple for couple in couples if couple.ir3 == j]
        sources = {(couple.i1, couple.i2): n for n, couple in enumerate(mine)}
        through = [
            (n, path)
            for n, path in enumerate(paths)
            if (path.first, path.second) in sources
            and out.items[path.o][1] in j * edge.items[path.edge][1]
        ]
        into = sorted({(path.o, path.edge) for _, path in through})
        terms: dict[tuple[int, int], list[tuple[int, float]]] = {}
        for n, path in through:
            place = sources[path.first, path.second], into.index((path.o, path.edge))
            l1, l4 = (node.items[i][1].l for i in (path.first, path.second))
            l2, l3 = edge.items[path.edge][1].l, out.items[path.o][1].l
            terms.setdefault(place, []).append((n, recoupling(l1, l2, path.k.l, l4, l3, j.l)))
        rows = slice(mine[0].out.start, mine[-1].out.stop)
        groups.append((rows, Weighted(terms, (len(mine), len(into)), j.dim, b)))
        targets += [(o, e, j.l) for o, e in into]
    arranged, ends = _last(targets, edge, out, b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, w = inputs["x"].swapaxes(1, 2), weights["w"]
        nodes, channels = x.shape[0], x.shape[2]
        found = []
        for first, second, table in pairs:
            outer = x[:, first, None] * x[:, None, second]
            found.append(table @ outer.reshape(nodes, -1, channels))
        both = b.take(b.concatenate(found, 1), order, 1)
        made = b.concatenate([mix(both[:, rows], w) for rows, mix in groups], 1)
        sent = b.gather(b.take(made, arranged, 1), inputs["src"])
        sh, edges, parts = sh_of(inputs), sent.shape[0], []
        for dim, rows, tables in ends:
            kernels = [sh[:, place] @ table for place, table in tables]
            kernels = [k.reshape(edges, dim, k.shape[1] // dim) for k in kernels]
            if kernels:
                parts.append(b.concatenate(kernels, 2) @ sent[:, rows])
            else:
                parts.append(b.broadcast(x[:1, :1] * 0, (edges, dim, channels)))
        z = b.segment_sum(b.concatenate(parts, 1), inputs["dst"], nodes)
        return {"z": z.swapaxes(1, 2)}

    return Built(call, kernel="products at nodes, one with harmonics at edges")


def _middle(paths: tuple[Path, ...], node: Irreps, edge: Irreps, out: Irreps) -> tuple[Irrep, ...]:
    """Return the irreps j of two factors of a node that some path needs, sorted."""
    found = {
        j
        for path in paths
        for j in node.items[path.first][1] * node.items[path.second][1]
        if out.items[path.o][1] in j * edge.items[path.edge][1]
    }
    return tuple(sorted(found))


def _last(
    targets: list[tuple[int, int, int]], edge: Irreps, out: Irreps, b: Backend
) -> tuple[Any, list[tuple[int, slice, list[tuple[slice, Any]]]]]:
    """Return the rows of the targets by output and harmonics, and for each output what makes it.

    That is its dimension, its rows, and for each degree of the harmonics their place and a table
    [2 l2 + 1, (2 l3 + 1) rows].
    """
    starts = np.cumsum([0] + [2 * j + 1 for _, _, j in targets])
    arranged, ends, start = [], [], 0
    for o, (_, ir3) in enumerate(out):
        tables, stop = [], start
        for e, (_, ir2) in enumerate(edge):
            mine = [n for n, target in enumerate(targets) if target[:2] == (o, e)]
            if mine:
                parts = [clebsch_gordan(targets[n][2], ir2.l, ir3.l) for n in mine]
                table = np.concatenate([part.transpose(1, 2, 0) for part in parts], axis=2)
                tables.append((edge.slices()[e], b.table(table.reshape(ir2.dim, -1))))
                arranged += [np.arange(starts[n], starts[n + 1]) for n in mine]
                stop += table.shape[2]
        ends.append((ir3.dim, slice(start, stop), tables))
        start = stop
    return b.index(np.concatenate(arranged)), ends


ALGORITHM = Algorithm(
    "triple_convolution",
    "recoupled",
    "products at nodes, recoupled by 6j symbols",
    recoupled,
    supports=supports,
    papers=("xu2026",),
    growth=Growth({"lmax": 6, "channels": 1}, "few neighbours; else L^5 for each edge"),
)
