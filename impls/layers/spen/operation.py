r"""Layers of subgraph permutation equivariant networks [@mitton2021]: order 2 on each ego net.

For each node u of a graph let S_u be its ego net of k edges (`impls.layers.spen.ego`), and X_u, H_u
the features x [n, n, C] of pairs and h [n, C] of nodes on it alone. With all linear maps of order 2
of an ego net (`impls.layers.node_maps`), shared by all,

    Z_u = L_22 X_u + L_12 H_u + b_2,     Y_u = L_21 X_u + L_11 H_u + b_1
    x'_ij = phi( mean over u with i, j in S_u of Z_u,ij )  of edges i j and where i = j, else 0
    h'_i  = phi( mean over u with i in S_u of Y_u,i )

with phi = silu. `spen_product_layer` has a matrix product in each ego net as well, channel by
channel (`impls.layers.pair_products`), of features mixed by A and by B:

    Z_u,ij += P 1/|S_u| sum_{l in S_u} (A x_il) * (B x_lj)

As published but for a few: there maps of ego nets of different sizes have weights of their own, and
what maps from pairs and from nodes give stands side by side instead of being added; an ELU and a
norm of the graph follow. The knob `hops` is k.

The layer is equivariant under all permutations of the nodes. What it tells apart, ego nets do: once
k is the diameter, every ego net is the whole graph, and `spen_layer` is `ign_layer` at its edges,
which tells apart less. It is not monotone in k. Only edges have features afterwards: with those of
all pairs in an ego net, how many ego nets two nodes share would be told as well.

Cost: O(sum_u |S_u|^2 C^2), where the layer of the whole graph takes O(n^2 C^2); with the product
O(sum_u |S_u|^3 C) more. Features are dense arrays all the same, of n^2 C numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from impls.families.graphs import GraphsSizes, node_space, pair_space
from impls.growth import Growth
from impls.layers import node_maps, pair_products
from impls.layers.ign.operation import ACTIVATION, maps_of
from impls.layers.radial import matrix
from impls.layers.spen import ego
from impls.layers.spen.ego import HOPS, most_of
from impls.operation import Operation, exact
from impls.pointwise.activations import activate
from impls.problem import BYTES, Problem
from impls.spaces import Arrays, Space

PAPERS = ("mitton2021",)


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"x": pair_space(problem), "h": node_space(problem)}


def _weights(multiplies: bool, problem: Problem) -> Mapping[str, Space]:
    c = GraphsSizes.of(problem).channels
    mixing = {name: matrix((c, c), c) for name in "ABP"} if multiplies else {}
    return {**maps_of(problem).weights(), **mixing}


def _oracle(multiplies: bool, problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Follow the formula, ego nets of one size at once: [ego nets, size, size, C]."""
    x, h = inputs["x"], inputs["h"]
    inside = ego.oracle(problem, inputs["a"])
    z, y, sizes = np.zeros(x.shape), np.zeros(h.shape), inside.sum(axis=2)
    for size in np.unique(sizes).astype(int):
        of, centre = np.nonzero(sizes == size)
        members = np.nonzero(inside[of, centre])[1].reshape(-1, size)
        nodes = of[:, None], members
        pairs = of[:, None, None], members[:, :, None], members[:, None]
        share = np.full(members.shape, 1 / size)
        found = node_maps.oracle(maps_of(problem), {2: x[pairs], 1: h[nodes]}, share, weights)
        if multiplies:
            a, b = x[pairs] @ weights["A"], x[pairs] @ weights["B"]
            found[2] = found[2] + pair_products.oracle(a, b, share) @ weights["P"]
        np.add.at(z, pairs, found[2])
        np.add.at(y, nodes, found[1])
    shared = np.einsum("bui,buj->bij", inside, inside)[..., None]
    kept = ego.oracle(problem.at(hops=1), inputs["a"])[..., None]
    z, y = kept * z / np.maximum(shared, 1.0), y / inside.sum(axis=1)[..., None]
    return {"x": activate("silu", z), "h": activate("silu", y)}


def _cost(multiplies: bool, problem: Problem) -> Mapping[str, float]:
    """Count the largest ego nets; nodes are found along edges, and sums are over ego nets."""
    s, m, maps = GraphsSizes.of(problem), most_of(problem), maps_of(problem)
    c, numbers = s.channels, maps.numbers
    each = maps.flops(m) + (m**2 + m) * c + m * s.degree
    if multiplies:
        each += 6 * m**2 * c**2 + 2 * m**3 * c
        numbers += 3 * c**2
    flops = s.nodes * (each + ACTIVATION * (s.degree + 2) * c)
    features = s.nodes**2 * (2 * c + 1) + 2 * s.nodes * c
    return {
        "flops": float(s.batch * flops),
        "bytes": float(s.batch * features + numbers) * BYTES[problem.dtype],
    }


def _spen(name: str, title: str, summary: str, multiplies: bool) -> Operation:
    return Operation(
        name=name,
        title=title,
        family="graphs",
        reads=("a", "x", "h"),
        summary=summary,
        papers=PAPERS,
        claims=exact("permutation"),
        outputs=_outputs,
        oracle=partial(_oracle, multiplies),
        cost=partial(_cost, multiplies),
        weights=partial(_weights, multiplies),
        knobs=(HOPS,),
        users=PAPERS,
        growth=Growth({"lmax": 0, "channels": 2}),
    )


LAYER = _spen(
    "spen_layer",
    "Subgraph permutation equivariant layer",
    "all linear maps of pairs and nodes on the ego net of each node, and the mean over ego nets",
    multiplies=False,
)

PRODUCT = _spen(
    "spen_product_layer",
    "Subgraph permutation equivariant layer with matrix products",
    "the same with a matrix product of features of pairs in each ego net",
    multiplies=True,
)
