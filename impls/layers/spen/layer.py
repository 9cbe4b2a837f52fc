"""Layers on ego nets: gathered, one by one, or by sums over all of them at once.

Gathered, an ego net is an array of its own, padded to the most nodes that one can have: m^2 pairs.
What is summed over ego nets is linear in them, so that there is another way: of the means over the
nodes of an ego net, one row for each two nodes, all sums are products of matrices [n, n].
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.graphs import GraphsSizes
from impls.implementation import Built, Tensors
from impls.layers.ign.operation import maps_of
from impls.layers.node_maps import Reduced
from impls.layers.pair_products import product
from impls.layers.spen.ego import EgoNets, most_of
from impls.layers.spen.operation import LAYER, PAPERS, PRODUCT
from impls.problem import Problem


def gathered(multiplies: bool, problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer of ego nets with arrays of their own."""
    s, m = GraphsSizes.of(problem), most_of(problem)
    n, c, count = s.nodes, s.channels, s.batch * s.nodes
    maps, egos, silu = Reduced(maps_of(problem), m, b), EgoNets(problem, b), b.activation("silu")
    centre = b.index(np.arange(count)[:, None])
    first = b.index(np.arange(count)[:, None] // n * n)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        inside, edges = egos(inputs["a"])
        outside = inside.reshape(count, n) < 0.5
        place = b.argsort((2 * centre + outside).reshape(-1)).reshape(count, n)[:, :m]
        member = b.gather(inside.reshape(-1), place.reshape(-1)).reshape(count, m)
        node = place - n * centre
        own = (node + first).reshape(-1)
        pair = ((node + first)[:, :, None] * n + node[:, None, :]).reshape(-1)
        x = b.gather(inputs["x"].reshape(-1, c), pair).reshape(count, m, m, c)
        h = b.gather(inputs["h"].reshape(-1, c), own).reshape(count, m, c)
        share = member / member.sum(1)[:, None]
        found = maps({2: x, 1: h}, weights, share)
        z, y = found[2], found[1]
        if multiplies:
            z = z + product(x @ weights["A"], x @ weights["B"], share) @ weights["P"]
        both = member[:, :, None, None] * member[:, None, :, None]
        z = b.segment_sum((z * both).reshape(-1, c), pair, count * n).reshape(inputs["x"].shape)
        y = b.segment_sum((y * member[:, :, None]).reshape(-1, c), own, count)
        shared = inside @ inside  # a mask is symmetric
        z = z * (edges / (shared + (shared < 0.5)))[..., None]
        y = y.reshape(inputs["h"].shape) / inside.sum(1)[..., None]
        return {"x": silu(z), "h": silu(y)}

    return Built(call, layout="channels last", kernel="an array for each ego net")


def summed(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer of all ego nets at once."""
    s = GraphsSizes.of(problem)
    n, c = s.nodes, s.channels
    egos, silu = EgoNets(problem, b), b.activation("silu")
    eye, places = b.table(np.eye(n)[:, :, None]), b.index(np.arange(n) * (n + 1))

    def over(matrix: Any, rows: Any) -> Any:
        """Return sum_j matrix_uj rows_j [batch, n, ..] of rows [batch, n, ..]."""
        return (matrix @ rows.reshape(s.batch, n, -1)).reshape(rows.shape)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, h, (inside, edges) = inputs["x"], inputs["h"], egos(inputs["a"])
        share = inside / inside.sum(2)[:, :, None]
        diagonal = b.take(x.reshape(s.batch, n * n, c), places, 1)
        rows, columns = over(share, x.swapaxes(1, 2)), over(share, x)  # [batch, u, i, c]
        whole = [(share[..., None] * rows).sum(2), over(share, diagonal), over(share, h)]
        seen, own = weights["W1"][: 2 * c], weights["W1"][2 * c :]
        v = b.concatenate([rows, columns], -1) @ seen
        v = v + (b.concatenate([diagonal, h], -1) @ own)[:, None]
        g = b.concatenate(whole, -1) @ weights["W0"] + weights["bias"].reshape(-1)
        at, across, on, node = b.split(v, [c] * 4, 3)
        everywhere, on_all, of_all = (part[:, :, None] for part in b.split(g, [c] * 3, 2))
        mask = inside[..., None]
        written = b.concatenate([(at + everywhere) * mask, across * mask], -1)
        spread = over(inside, written)  # [batch, j, i, 2 c], summed over u: a mask is symmetric
        at, across = b.split(spread, [c] * 2, 3)
        onto = ((on + on_all) * mask).sum(1)
        shared = inside @ inside
        mean = at.swapaxes(1, 2) + across + eye * onto[:, :, None]
        same, turned = b.split(x @ weights["W2"], [c] * 2, 3)
        mean = mean / (shared + (shared < 0.5))[..., None]
        z = (same + turned.swapaxes(1, 2) + mean) * edges[..., None]
        y = ((node + of_all) * mask).sum(1) / inside.sum(1)[..., None]
        return {"x": silu(z), "h": silu(y)}

    return Built(call, layout="channels last", kernel="sums over ego nets by products of matrices")


ALGORITHMS = (
    *(
        Algorithm(
            operation.name,
            "gathered",
            "each ego net an array of its own, summed where it came from",
            partial(gathered, operation is PRODUCT),
            papers=PAPERS,
        )
        for operation in (LAYER, PRODUCT)
    ),
    Algorithm(
        LAYER.name,
        "summed",
        "all ego nets at once, by products of matrices of the graph",
        summed,
        papers=PAPERS,
    ),
)
