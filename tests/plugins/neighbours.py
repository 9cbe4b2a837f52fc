"""A graph whose samples are not independent: the gate looks at a part that the family takes out.

Family `graph`: features x [nodes, channels], edges from `src` to `dst` [edges]; a permutation of
the nodes moves rows and relabels edges. Operation `neighbour_sum`: z_i = sum over edges into i of
x_src. The oracle of a large graph would be slow, and a slice of the nodes is another question:
`part` takes 64 nodes with all edges into them and their senders; what the senders receive is not
judged, for their own edges are cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.family import PART, Family, Part, checked, sampled
from impls.groups import Element, symmetric
from impls.implementation import Built, Tensors
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem
from impls.sizes import Sizes
from impls.spaces import Array, Arrays, Space


@dataclass(frozen=True)
class GraphSizes(Sizes):
    """A graph with random edges."""

    nodes: int
    edges: int
    channels: int


def _rows(problem: Problem) -> Space:
    s = GraphSizes.of(problem)
    return Space((s.nodes, s.channels), lambda p, a: a[np.argsort(p)], axis="nodes")


def _inputs(problem: Problem) -> Mapping[str, Space]:
    s = GraphSizes.of(problem)

    def ends(rng: np.random.Generator) -> Array:
        return rng.integers(s.nodes, size=s.edges)

    def relabelled(p: Element, a: Array) -> Array:
        return p[a].astype(a.dtype)

    end = Space((s.edges,), relabelled, "index", draw=ends, axis="edges", refers="nodes")
    return {"x": _rows(problem), "src": end, "dst": end}


def part(problem: Problem, inputs: Arrays, rng: np.random.Generator) -> Part:
    """Return up to 64 nodes with the edges into them and their senders."""
    judged = np.sort(rng.permutation(GraphSizes.of(problem).nodes)[:PART])
    edges = np.flatnonzero(np.isin(inputs["dst"], judged))
    nodes = np.union1d(judged, inputs["src"][edges])
    smaller = problem.with_sizes(nodes=len(nodes), edges=len(edges))
    return Part(smaller, {"nodes": nodes, "edges": edges}, {"nodes": judged})


EXAMPLE = Problem("graph", {"nodes": 200, "edges": 300, "channels": 2}, dtype="float64")
FAMILY = Family(
    name="graph",
    sizes=GraphSizes,
    check=checked(GraphSizes),
    group=lambda problem: symmetric(GraphSizes.of(problem).nodes),
    inputs=_inputs,
    draw=sampled(_inputs),
    facets=lambda problem: dict(vars(GraphSizes.of(problem))),
    examples=(EXAMPLE,),
    part=part,
)


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    adjacency = np.zeros((len(inputs["x"]), len(inputs["x"])))
    np.add.at(adjacency, (inputs["dst"], inputs["src"]), 1.0)
    return {"z": adjacency @ inputs["x"]}


def _cost(problem: Problem) -> Mapping[str, float]:
    s = GraphSizes.of(problem)
    numbers = 2 * s.nodes * s.channels * BYTES[problem.dtype]
    return {"flops": float(s.edges * s.channels), "bytes": float(numbers + 8 * s.edges)}


OPERATION = Operation(
    name="neighbour_sum",
    family="graph",
    summary="sum of the features of the senders of edges into a node",
    papers=(),
    claims=exact("permutation"),
    outputs=lambda problem: {"z": _rows(problem)},
    oracle=_oracle,
    cost=_cost,
    linear_in=(("x", 1),),
    refused={"grad2": "the gradient of a linear map does not depend on its input"},
)


def gathered(problem: Problem, b: Backend, options: Options) -> Built:
    """Gather along edges, and sum by receiver."""
    nodes = GraphSizes.of(problem).nodes

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        sent = b.gather(inputs["x"], inputs["src"])
        return {"z": b.segment_sum(sent, inputs["dst"], nodes)}

    return Built(call)


ALGORITHM = Algorithm(
    "neighbour_sum", "gathered", "gather and sum by receiver", gathered, ("numpy", "torch")
)
