"""SEGNN with its messages stored, and the channels of the first map mixed at nodes or at edges.

A map makes a matrix of each row's attribute, for all channels, and mixes channels of the products.
Features have channels innermost. At `edges` those of both ends are beside each other, one feature
of twice the channels, as the layer is written: O(L^5 C) and O(L^4 C^2) for each edge, twice
[@brandstetter2022]. At `nodes` the first map mixes what each node is at both ends of its edges, for
each path, and gathers that, which is the same map: of its O(L^4 C^2) nothing is left at edges.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.inputs.named import counts_of
from impls.layers.features import innermost
from impls.layers.gating import Gate
from impls.layers.segnn.operation import gated_of, maps_of, trivial
from impls.layers.steerable import EndsMap, SteerableMap
from impls.points.harmonics import EdgeHarmonics, supports
from impls.problem import Problem


def messages(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    specs, at_nodes = maps_of(problem), options["first"] == "nodes"
    first, (second, update, last) = EndsMap(specs[0], b), (SteerableMap(m, b) for m in specs[1:])
    node, nodes = irreps_of(problem)[0], counts_of(problem)[0]
    gate = Gate(node, gated_of(problem), node.slices(), b.sigmoid, b)
    harmonics = EdgeHarmonics(problem, b)
    edges, width = counts_of(problem)[1], irreps_of(problem)[1].dim
    alone, ones = b.table(trivial(problem)), b.table(np.ones((edges, 1)))

    def attributes(sh: Any, dst: Any) -> Any:
        """Return the mean [nodes, dim] of what edges into a node have, or what it has alone."""
        sums, found = b.split(
            b.segment_sum(b.concatenate([sh, ones], 1), dst, nodes), (width, 1), 1
        )
        isolated = b.is_negative(found - 0.5)
        return (sums + isolated * alone) / (found + isolated)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, v, src, dst = (inputs[name] for name in ("x", "v", "src", "dst"))
        sh, squares = harmonics(inputs), (v * v).sum(-1)[:, None]
        if at_nodes:
            m = first.of_ends(x, (src, dst), sh, weights, squares)
        else:
            h = b.concatenate([b.gather(x, dst), b.gather(x, src)], 2)
            m = first(h, sh, weights, squares)
        m = gate(second(gate(m), sh, weights))
        a, sums = attributes(sh, dst), b.segment_sum(m, dst, nodes)
        u = gate(update(b.concatenate([x, sums], 2), a, weights))
        return {"z": x + last(u, a, weights)}

    return Built(call, kernel="messages stored, matrix products", **innermost(b, "x", "z"))


ALGORITHM = Algorithm(
    "segnn_layer",
    "messages",
    "messages stored, a matrix for each row and item",
    messages,
    supports=supports,
    options={"first": ("edges", "nodes")},
    papers=("brandstetter2022", "geiger2022"),
    growth=Growth({"lmax": 7, "channels": 2}, "few channels: matrices of edges; else L^4 C^2"),
)
