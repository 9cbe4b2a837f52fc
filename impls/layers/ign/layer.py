"""Layers of order 2 by what is read and written: mixed before it is spread over pairs, or after.

What is a mean over nodes is mixed as one row for each node, or for each graph, and spread then;
stacked, each of the maps is an array over all pairs, and one matrix product mixes them all.
"""

from __future__ import annotations

from functools import partial

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.graphs import GraphsSizes
from impls.families.node_tensors import NodeTensorsSizes
from impls.implementation import Built, Tensors
from impls.layers.ign.operation import LAYER, LINEAR, PAPERS, linear_of, maps_of
from impls.layers.node_maps import Maps, Reduced, Stacked
from impls.problem import Problem


def linear(way: Maps, problem: Problem, b: Backend, options: Options) -> Built:
    """Build the linear maps from one order to another."""
    s = NodeTensorsSizes.of(problem)
    maps = way(linear_of(problem), s.nodes, b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": maps({s.order_in: inputs["x"]}, weights)[s.order_out]}

    return Built(call, layout="channels last")


def layer(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer."""
    maps, silu = Reduced(maps_of(problem), GraphsSizes.of(problem).nodes, b), b.activation("silu")

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        found = maps({2: inputs["x"], 1: inputs["h"]}, weights)
        return {"x": silu(found[2]), "h": silu(found[1])}

    return Built(call, layout="channels last")


REDUCED = "one product for pairs, one for nodes, one for all, then spread"
ALGORITHMS = (
    Algorithm(LINEAR.name, "reduced", REDUCED, partial(linear, Reduced), papers=PAPERS),
    Algorithm(
        LINEAR.name,
        "stacked",
        "each map an array over all places of the output, then one product",
        partial(linear, Stacked),
        papers=PAPERS,
    ),
    Algorithm(LAYER.name, "reduced", REDUCED, layer, papers=PAPERS),
)
