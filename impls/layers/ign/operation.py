r"""Layers of invariant graph networks of order 2 [@maron2019]: linear in what pairs of nodes have.

Over n nodes, x [n, n, C] of pairs and h [n, C] of nodes, with L_pq all linear maps from features of
order p to those of order q that permutations of the nodes leave alone (`impls.layers.node_maps`),

    ign_linear   z = L_pq x, for a question that names the orders p and q: 15 maps for each two
                 channels from pairs to pairs, 5 from pairs to nodes or back, 2 of nodes, 2 of pairs
                 and 1 of nodes to what is said of all
    ign_layer    x' = phi(L_22 x + L_12 h + b_2),  h' = phi(L_21 x + L_11 h + b_1)

with phi = silu, where the paper has a ReLU, and biases: of all pairs, of the diagonal, of nodes. No
graph is asked for: its edges are a channel of x. Means stand where there are sums in the paper.
Such layers tell graphs apart as the Weisfeiler-Lehman test of nodes does, and no better
[@maronbenhamu2019]: a graph in which all nodes have d neighbours is for them any other such graph
of its size.

Cost: O(n^2 C^2) for each graph.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.graphs import GraphsSizes, node_space, pair_space
from impls.families.node_tensors import NodeTensorsSizes, tensor_space
from impls.growth import Growth
from impls.layers import node_maps
from impls.layers.node_maps import NodeMaps
from impls.operation import Operation, exact
from impls.pointwise.activations import activate
from impls.problem import BYTES, Problem
from impls.spaces import Array, Arrays, Space

PAPERS = ("maron2019",)
ACTIVATION = 10
"""Operations of an activation."""


def linear_of(problem: Problem) -> NodeMaps:
    """Return the maps that a question of tensors asks for."""
    s = NodeTensorsSizes.of(problem)
    return NodeMaps((s.order_in,), (s.order_out,), s.channels)


def maps_of(problem: Problem) -> NodeMaps:
    """Return the maps of a layer."""
    return NodeMaps((2, 1), (2, 1), GraphsSizes.of(problem).channels, bias=True)


def _evenly(x: Array) -> Array:
    """Return the shares [samples, n] of all nodes of x [samples, n, ..]."""
    return np.full(x.shape[:2], 1 / x.shape[1])


def _linear(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    s, x = NodeTensorsSizes.of(problem), inputs["x"]
    found = node_maps.oracle(linear_of(problem), {s.order_in: x}, _evenly(x), weights)
    return {"z": found[s.order_out]}


def _layer(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    x, h = inputs["x"], inputs["h"]
    found = node_maps.oracle(maps_of(problem), {2: x, 1: h}, _evenly(x), weights)
    return {"x": activate("silu", found[2]), "h": activate("silu", found[1])}


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"x": pair_space(problem), "h": node_space(problem)}


def _cost_of_linear(problem: Problem) -> Mapping[str, float]:
    s, maps = NodeTensorsSizes.of(problem), linear_of(problem)
    numbers = s.batch * s.channels * (s.nodes**s.order_in + s.nodes**s.order_out)
    return {
        "flops": float(s.batch * maps.flops(s.nodes)),
        "bytes": float(numbers + maps.numbers) * BYTES[problem.dtype],
    }


def _cost_of_layer(problem: Problem) -> Mapping[str, float]:
    s, maps = GraphsSizes.of(problem), maps_of(problem)
    features = s.channels * (s.nodes**2 + s.nodes)
    return {
        "flops": float(s.batch * (maps.flops(s.nodes) + ACTIVATION * features)),
        "bytes": float(2 * s.batch * features + maps.numbers) * BYTES[problem.dtype],
    }


LINEAR = Operation(
    name="ign_linear",
    title="Linear maps of nodes and of their pairs",
    family="node_tensors",
    summary="all linear maps between tensors over nodes that permutations leave alone",
    papers=PAPERS,
    claims=exact("permutation"),
    outputs=lambda problem: {"z": tensor_space(problem, NodeTensorsSizes.of(problem).order_out)},
    oracle=_linear,
    cost=_cost_of_linear,
    weights=lambda problem: linear_of(problem).weights(),
    linear_in=(("x", 1),),
    users=(*PAPERS, "mitton2021"),
    growth=Growth({"lmax": 0, "channels": 2}),
)

LAYER = Operation(
    name="ign_layer",
    title="Invariant graph network, order 2",
    family="graphs",
    reads=("x", "h"),
    summary="all linear maps between features of pairs and of nodes, and an activation",
    papers=PAPERS,
    claims=exact("permutation"),
    outputs=_outputs,
    oracle=_layer,
    cost=_cost_of_layer,
    weights=lambda problem: maps_of(problem).weights(),
    users=PAPERS,
    growth=Growth({"lmax": 0, "channels": 2}),
)
