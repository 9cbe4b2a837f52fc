"""Both products at each edge, as they are written: what recoupling is to replace.

The first one has a matrix for each edge that serves all channels; the weights of all paths through
one k are one matrix product for each channel; the second one is an outer product with a table for
each output irrep.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import channels_of, irreps_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.points.convolution.contraction import coupling_matrix
from impls.points.harmonics import EdgeHarmonics, supports
from impls.points.triple_convolution.mixing import Weighted
from impls.points.triple_convolution.operation import paths_of
from impls.problem import Problem
from impls.products.paths import coupled_paths
from impls.so3.wigner import clebsch_gordan


def edge_wise(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    node, edge, out = irreps_of(problem)
    channels, paths = channels_of(problem), paths_of(problem)
    inner = coupled_paths(node, edge, node)
    host, blocks, host_order = coupling_matrix(inner, edge.dim)
    couplings, order, sh_of = b.table(host), b.index(host_order), EdgeHarmonics(problem, b)
    groups, targets = [], []  # by k: its rows, and its weights into (second factor, output)
    for ir, found in groupby(inner, key=lambda path: path.ir3):
        mine = list(found)
        into = sorted({(path.o, path.second) for path in paths if path.k == ir})
        sources = {(one.i1, one.i2): n for n, one in enumerate(mine)}
        terms = {
            (sources[path.first, path.edge], into.index((path.o, path.second))): [(n, 1.0)]
            for n, path in enumerate(paths)
            if path.k == ir
        }
        if terms:
            rows = slice(mine[0].out.start, mine[-1].out.stop)
            groups.append((rows, Weighted(terms, (len(mine), len(into)), ir.dim, b)))
            targets += [(o, second, ir.l) for o, second in into]
    starts = np.cumsum([0] + [2 * degree + 1 for _, _, degree in targets])
    ends = []  # by output: what its targets read, and their couplings
    for o, (_, ir3) in enumerate(out):
        reads, tables = [], []
        for n, (into_o, second, k) in enumerate(targets):
            if into_o == o:
                tensor = clebsch_gordan(k, node.items[second][1].l, ir3.l)
                tables.append(tensor.reshape(-1, ir3.dim))
                reads.append((slice(int(starts[n]), int(starts[n + 1])), node.slices()[second]))
        table = b.table(np.concatenate(tables).T) if tables else None
        ends.append((ir3.dim, reads, table))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        nodes = inputs["x"].shape[0]
        x = b.gather(inputs["x"], inputs["src"]).swapaxes(1, 2)
        matrices, edges, found = sh_of(inputs) @ couplings, x.shape[0], []
        for block in blocks:
            matrix = matrices[:, block.columns].reshape(edges, block.rows, block.dim)
            found.append(matrix @ x[:, block.item])
        pairs = b.take(b.concatenate(found, 1), order, 1)
        mixed = b.concatenate([mix(pairs[:, rows], weights["w"]) for rows, mix in groups], 1)
        parts = [_coupled(mixed, x, *end, channels, b) for end in ends]
        z = b.segment_sum(b.concatenate(parts, 1), inputs["dst"], nodes)
        return {"z": z.swapaxes(1, 2)}

    return Built(call, kernel="two products for each edge")


def _coupled(
    mixed: Any, x: Any, dim: int, reads: list[Any], table: Any, channels: int, b: Backend
) -> Any:
    """Return one output irrep [edges, dim, channels]; zeros where nothing ends."""
    edges = x.shape[0]
    if table is None:
        return b.broadcast(x[:, :1] * 0, (edges, dim, channels))
    found = []
    for rows, item in reads:
        one, two = mixed[:, rows], x[:, item]
        outer = one[:, :, None] * two[:, None]
        found.append(outer.reshape(edges, one.shape[1] * two.shape[1], channels))
    return table @ b.concatenate(found, 1)


ALGORITHM = Algorithm(
    "triple_convolution",
    "edge_wise",
    "two products for each edge",
    edge_wise,
    supports=supports,
    growth=Growth({"lmax": 7, "channels": 1}, "few channels: kernels; else L^6"),
)
