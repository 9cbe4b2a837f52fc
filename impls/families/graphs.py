"""Family `graphs`: features of pairs of nodes and of nodes, beside the edges of a graph.

a: [batch, nodes, nodes]            1 where two nodes share an edge: symmetric, without loops
x: [batch, nodes, nodes, channels]  features of pairs of nodes, standard normal
h: [batch, nodes, channels]         features of nodes, standard normal

Nothing is known of a node but its features and its edges: the group is S_n, which moves the nodes
of all graphs of a batch alike, in `a` and `x` along both axes. An edge is where a > 1/2, and `a` is
not differentiated. Arrays are dense, also of graphs with few edges.

The sizes are `nodes`, `degree`, `channels` and `batch`; no node has more neighbours than `degree`.
Data "matchings" draws so many random matchings of the nodes and takes all their edges, so that most
nodes have as many neighbours: near random regular graphs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from impls.family import Family, checked, sampled
from impls.groups import Element, Group, symmetric
from impls.problem import Problem, Refusal, Scalar, Size
from impls.sizes import Sizes, size
from impls.spaces import Array, Arrays, Space

Data = Literal["matchings"]
DATA: tuple[Data, ...] = get_args(Data)


@dataclass(frozen=True)
class GraphsSizes(Sizes):
    """Nodes, of which none has more neighbours than `degree`."""

    nodes: int = size(least=2)
    degree: int = size()
    channels: int = size()
    batch: int = size()


def ask(
    nodes: int = 16,
    degree: int = 3,
    *,
    channels: int = 16,
    batch: int = 16,
    data: Data = "matchings",
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the question for graphs of so many nodes, of so many neighbours at most."""
    sizes: dict[str, Size] = dict(nodes=nodes, degree=degree, channels=channels, batch=batch)
    return Problem("graphs", sizes, dtype=dtype, data=data, seed=seed)


def on_graph(problem: Problem, adjacency: Array) -> tuple[Problem, Arrays]:
    """Return the question on a graph [n, n] whose nodes are all alike, with what it gives.

    A pair of nodes has its edge, and whether it is one node twice, in channels of unequal sizes.
    """
    a, nodes = np.asarray(adjacency, float), len(adjacency)
    asked = problem.with_sizes(nodes=nodes, degree=max(1, int(a.sum(axis=1).max())), batch=1)
    scale = np.linspace(0.5, 1.5, GraphsSizes.of(asked).channels)
    x = a[..., None] * scale + np.eye(nodes)[..., None] * scale[::-1]
    return asked, {"a": a[None], "x": x[None], "h": np.ones((1, nodes, 1)) * scale}


def permuted(p: Element, a: Array, axes: int) -> Array:
    """Return a [batch, ..] with entry i of each of the next `axes` axes at place p[i]."""
    place = np.argsort(p)
    for axis in range(1, axes + 1):
        a = np.take(a, place, axis)
    return a


def pair_space(problem: Problem) -> Space:
    """Return the Space [batch, nodes, nodes, channels] of features of pairs."""
    s = GraphsSizes.of(problem)
    shape = s.batch, s.nodes, s.nodes, s.channels
    return Space(shape, lambda g, a: permuted(g, a, 2), axis="batch")


def node_space(problem: Problem) -> Space:
    """Return the Space [batch, nodes, channels] of features of nodes."""
    s = GraphsSizes.of(problem)
    return Space((s.batch, s.nodes, s.channels), lambda g, a: permuted(g, a, 1), axis="batch")


def _edge_space(problem: Problem) -> Space:
    s = GraphsSizes.of(problem)
    shape = s.batch, s.nodes, s.nodes

    def draw(rng: np.random.Generator) -> Array:
        order = np.broadcast_to(np.arange(s.nodes), (s.batch, s.degree, s.nodes))
        order = rng.permuted(order, axis=2)
        paired = s.nodes // 2 * 2
        one, other = order[..., :paired:2], order[..., 1:paired:2]
        a, sample = np.zeros(shape), np.arange(s.batch)[:, None, None]
        a[sample, one, other] = a[sample, other, one] = 1.0
        return a

    return Space(shape, lambda g, a: permuted(g, a, 2), grad=False, draw=draw, axis="batch")


def _inputs(problem: Problem) -> Mapping[str, Space]:
    return {"a": _edge_space(problem), "x": pair_space(problem), "h": node_space(problem)}


def _group(problem: Problem) -> Group:
    return symmetric(GraphsSizes.of(problem).nodes)


def _fits(problem: Problem) -> Refusal | None:
    s = GraphsSizes.of(problem)
    if s.degree >= s.nodes:
        return Refusal(f"degree={s.degree}: a node has only {s.nodes - 1} others", "use more nodes")
    return None


def _facets(problem: Problem) -> Mapping[str, Scalar]:
    s = GraphsSizes.of(problem)
    return {"nodes": s.nodes, "degree": s.degree, "channels": s.channels, "batch": s.batch}


def _single(problem: Problem) -> Problem:
    return problem.with_sizes(batch=1)


EXAMPLES = (
    ask(5, 2, channels=2, batch=2, dtype="float64"),
    ask(7, 3, channels=3, batch=2, dtype="float64"),
)


def _hard() -> tuple[Problem, ...]:
    """Return two nodes, an odd one that no matching has, all edges, and sizes that fill no lane."""
    return (
        ask(2, 1, channels=1, batch=1, dtype="float64"),
        ask(3, 1, channels=2, batch=33, dtype="float64"),
        ask(4, 3, channels=5, batch=3, dtype="float64"),
        ask(17, 3, channels=3, batch=2, dtype="float64"),
    )


FAMILY = Family(
    name="graphs",
    on_graph=on_graph,
    title="layers of pairs of nodes under permutations",
    sizes=GraphsSizes,
    ask=ask,
    check=checked(GraphsSizes, DATA, _fits),
    group=_group,
    inputs=_inputs,
    draw=sampled(_inputs),
    facets=_facets,
    axes=("nodes", "degree", "channels", "batch"),
    labels={
        "nodes": "nodes",
        "degree": "neighbours at most",
        "channels": "channels",
        "batch": "batch",
    },
    examples=EXAMPLES,
    hard=_hard(),
    data=DATA,
    batch="batch",
    single=_single,
)
