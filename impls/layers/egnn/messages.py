"""EGNN with its messages stored, and the first linear map of phi_e at nodes or at edges.

At `edges` it is made as the layer is written, of one row of 2C + 1 numbers for each edge: O(C^2)
for each edge, three linear maps [@satorras2021]. At `nodes` what it takes of h is made once a node
and gathered, which is the same map, since a linear map of joined rows is a sum: two maps an edge.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import channels_of
from impls.implementation import Built, Tensors
from impls.inputs.named import counts_of
from impls.layers.egnn.operation import perceptrons_of
from impls.layers.perceptron import Network
from impls.layers.scalars_and_vectors import mean
from impls.points.harmonics import supports_vectors
from impls.problem import Problem


def messages(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    edge, coordinate, node = (Network(each, b) for each in perceptrons_of(problem))
    (nodes, edges), c = counts_of(problem), channels_of(problem)
    at_nodes, ones = options["first"] == "nodes", b.table(np.ones((edges, 1)))

    def first(h: Any, squares: Any, src: Any, dst: Any, w: Any) -> Any:
        """Return what the first linear map of phi_e makes of the rows (h_i, h_j, |r_i - r_j|^2)."""
        if not at_nodes:
            return b.concatenate([b.gather(h, dst), b.gather(h, src), squares], 1) @ w
        receives, sends = h @ w[:c], h @ w[c : 2 * c]
        return b.gather(receives, dst) + b.gather(sends, src) + squares * w[2 * c]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        h, r, src, dst = inputs["x"][..., 0], inputs["r"], inputs["src"], inputs["dst"]
        apart = b.gather(r, dst) - b.gather(r, src)
        squares = (apart * apart).sum(-1)[:, None]
        m = edge.after(first(h, squares, src, dst, weights["edge_W1"]), weights)
        moves = mean(b, apart * coordinate(m, weights), ones, dst, nodes)
        gathered = b.segment_sum(m, dst, nodes)
        new = h + node(b.concatenate([h, gathered], 1), weights)
        return {"h": new[..., None], "r": r + moves}

    return Built(call, kernel="messages stored, perceptrons of rows")


ALGORITHM = Algorithm(
    "egnn_layer",
    "messages",
    "messages stored, perceptrons of rows",
    messages,
    supports=supports_vectors,
    options={"first": ("nodes", "edges")},
    papers=("satorras2021",),
    baseline=True,
)
