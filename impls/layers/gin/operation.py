r"""GIN layer, alone and with numbered nodes: averaged over a frame of the graph, or all orders.

The layer of [@xu2019] on C invariants h of each node, over the edges i <- j,

    h'_i = f((1 + eps) h_i + sum_j h_j)

with f a perceptron of two linear maps, silu between them. It takes nodes with equal neighbourhoods
for the same, whatever the graph beyond them. What numbers its nodes does not: with e_p a unit
vector for each place p in an order of the n nodes,

    h'_i = 1/K sum_k f((1 + eps) [h_i, e_k(i)] + sum_j [h_j, e_k(j)])

is the mean over K orders, k(i) the place of node i in the k-th. It is equivariant under
permutations of the nodes if the orders of a renumbered graph are the renumbered orders: a frame
[@puny2022].

    gin_layer           h alone, no order
    framed_gin_layer    the orders by a score that the graph gives each node, one for a graph
                        without symmetry (`impls.layers.gin.orders`)
    averaged_gin_layer  all n! orders, for five nodes at most

They answer questions that ask for invariants of nodes and know no direction of edges.

**Where it is not true.** A frame that is computed asks for scores that are equal or differ by more
than rounding. And all orders of nodes that a symmetry of the graph exchanges are in it: of a
crystal, whose nodes are all alike, those are all n!, and it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial

import numpy as np

from impls.families.points import channels_of, irreps_of, node_space
from impls.growth import Growth
from impls.inputs.named import counts_of
from impls.layers import perceptron
from impls.layers.gin.orders import MOST, blocks, frame_of, no_frame, orders, scores
from impls.layers.perceptron import Perceptron
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem, Refusal
from impls.so3.irreps import standard
from impls.spaces import Array, Arrays, Space

FEW = 5
"""Nodes of which all orders are taken: 120."""
AT_ONCE = 128
"""Orders that the oracle follows at once."""


@lru_cache(maxsize=64)
def _all_orders(nodes: int) -> Array:
    return orders([nodes])


def none_of(problem: Problem) -> Array:
    """Return places [1, 0]: nodes are not numbered."""
    return np.zeros((1, 0), np.int64)


def all_of(problem: Problem) -> Array:
    """Return the places [n!, n] of all orders."""
    return _all_orders(counts_of(problem)[0])


def perceptron_of(places: Callable[[Problem], Array], problem: Problem) -> Perceptron:
    """Return f, which takes h and, where nodes are numbered, a unit vector."""
    c = channels_of(problem)
    return Perceptron("mlp", (c + places(problem).shape[1], c, c))


def _weights(places: Callable[[Problem], Array], problem: Problem) -> Mapping[str, Space]:
    return {"eps": Space((1,)), **perceptron_of(places, problem).weights()}


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, irreps_of(problem)[2])}


def _ranks(places: Callable[[Problem], Array], inputs: Arrays) -> Array:
    """Return the places [K, nodes] of each node of the graph that is given."""
    nodes, src, dst = len(inputs["x"]), inputs["src"], inputs["dst"]
    if places is none_of:
        return np.zeros((1, nodes), np.int64)
    s = scores(nodes, src, dst)
    among = orders(blocks(s)) if places is frame_of else _all_orders(nodes)
    found = np.empty_like(among)
    found[:, np.argsort(s)] = among
    return found


def _oracle(
    places: Callable[[Problem], Array], problem: Problem, inputs: Arrays, weights: Arrays
) -> Arrays:
    """Follow the formula, some orders at once: [orders, nodes, C and places]."""
    h, src, dst = inputs["x"][..., 0], inputs["src"], inputs["dst"]
    f, total = perceptron_of(places, problem), np.zeros(h.shape)
    each, own = _ranks(places, inputs), np.eye(f.widths[0] - h.shape[1])
    for start in range(0, len(each), AT_ONCE):
        among = each[start : start + AT_ONCE]
        numbered = own[among] if places is not none_of else np.zeros((*among.shape, 0))
        seen = np.concatenate([np.broadcast_to(h, (len(among), *h.shape)), numbered], axis=2)
        met = (1 + weights["eps"]) * seen
        np.add.at(met.swapaxes(0, 1), dst, seen[:, src].swapaxes(0, 1))
        total += perceptron.oracle(f, met, weights).sum(axis=0)
    return {"z": (total / len(each))[..., None]}


def _no_question(problem: Problem) -> Refusal | None:
    node, edge, out = irreps_of(problem)
    scalars = standard("o3" if node.parity else "so3", range(1))
    if (node, edge, out) != (scalars, scalars, scalars):
        label = scalars.items[0][1]
        return Refusal(
            f"{node} | {edge} | {out}: GIN makes invariants of invariants, and knows no direction",
            f"ask for {label} of nodes, edges and outputs",
        )
    return None


def _no_frame(problem: Problem) -> Refusal | None:
    return _no_question(problem) or no_frame(problem)


def _too_many(problem: Problem) -> Refusal | None:
    refusal, nodes = _no_question(problem), counts_of(problem)[0]
    if refusal is None and nodes > FEW:
        return Refusal(
            f"data {problem.data!r}: more than {MOST} orders of {nodes} nodes",
            f"use {FEW} nodes at most",
        )
    return refusal


def _cost(places: Callable[[Problem], Array], problem: Problem) -> Mapping[str, float]:
    """Count scores, and for each order the sums and the perceptron; a unit vector is a row."""
    (nodes, edges), c, among = counts_of(problem), channels_of(problem), places(problem)
    f, numbered = perceptron_of(places, problem), among.shape[1] > 0
    walks = 8 * 2 * nodes**3 if places is frame_of else 0
    each = nodes * (f.flops - 2 * among.shape[1] * c) + (edges + 2 * nodes) * c * (1 + numbered)
    return {
        "flops": float(walks + len(among) * each),
        "bytes": float((2 * nodes * c + f.numbers + 1) * BYTES[problem.dtype] + 2 * edges * 8),
    }


def _gin(
    name: str,
    title: str,
    summary: str,
    places: Callable[[Problem], Array],
    supports: Callable[[Problem], Refusal | None],
    papers: tuple[str, ...],
) -> Operation:
    return Operation(
        name=name,
        title=title,
        family="points",
        reads=("x", "src", "dst"),
        summary=summary,
        papers=papers,
        claims=exact("rotation", "inversion", "translation", "permutation"),
        outputs=_outputs,
        oracle=partial(_oracle, places),
        cost=partial(_cost, places),
        supports=supports,
        weights=partial(_weights, places),
        users=papers,
        growth=Growth({"lmax": 0, "channels": 2}),
    )


PLAIN = _gin(
    "gin_layer",
    "GIN layer",
    "invariants summed over neighbours, and a perceptron: without direction or distance",
    none_of,
    _no_question,
    ("xu2019",),
)

FRAMED = _gin(
    "framed_gin_layer",
    "GIN layer, numbered, over a frame",
    "GIN with numbered nodes, averaged over the orders that an invariant of the graph leaves",
    frame_of,
    _no_frame,
    ("puny2022", "xu2019"),
)

AVERAGED = _gin(
    "averaged_gin_layer",
    "GIN layer, numbered, over all orders",
    "GIN with numbered nodes, averaged over all orders of the nodes: S_n, for few nodes",
    all_of,
    _too_many,
    ("puny2022", "xu2019"),
)
