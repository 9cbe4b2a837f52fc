r"""SEGNN layer: perceptrons of steerable maps make a message of each edge, and update each node.

A steerable map W_a h is a Clebsch-Gordan product of a feature h with an attribute a, whose weights
mix channels and paths (`impls.layers.steerable`). With the harmonics of an edge i <- j as its
attribute, and their mean as that of a node [@brandstetter2022],

    a_ij = Y(r_ij / |r_ij|),       a_i = (1 / N_i) sum_j a_ij
    m_ij = gate(M2_a_ij gate(M1_a_ij (f_i, f_j, |r_ij|^2)))
    f_i <- f_i + U2_a_i gate(U1_a_i (f_i, sum_j m_ij))

where `gate` applies silu to invariants, and multiplies every other irrep with the sigmoid of an
invariant of its own, which the map before it gives for each such irrep and channel. The hidden
features of the maps are as those of nodes, which come out again. A node without edges has the
trivial attribute, Y of degree 0 alone.

Messages are not linear in what is sent, and a message of degree l meets the edge in a product: with
invariants alone the layer is that of `egnn_layer` for these. As published but for constants, which
belong to how weights are drawn: those of e3nn's activations, and of its maps. There is no cutoff
and no radial function: the squared length is one more invariant of the first map.

Of E(3), with parity: the maps couple what a mirror allows, and gates are invariants. For features
of natural parity all of z is; in SO(3) all degrees couple.

Cost: O(L^5 C) and O(L^4 C^2) for each edge, twice, and for each node.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.feature import invariant
from impls.families.points import channels_of, edge_harmonics, irreps_of, node_space
from impls.growth import Growth
from impls.inputs.named import counts_of, cutoff_of
from impls.layers import steerable
from impls.layers.features import no_layer, scalar
from impls.layers.steerable import Steerable
from impls.operation import Operation, exact
from impls.pointwise.activations import activate, sigmoid
from impls.problem import BYTES, Problem, Refusal
from impls.so3.irreps import Irreps
from impls.spaces import Array, Arrays, Space


def gated_of(problem: Problem) -> tuple[int, ...]:
    """Return the items of a feature that have a gate: all that are not invariant."""
    return tuple(i for i, (_, ir) in enumerate(irreps_of(problem)[0]) if not invariant(ir))


def maps_of(problem: Problem) -> tuple[Steerable, Steerable, Steerable, Steerable]:
    """Return M1, M2, U1 and U2; what all but the last give is a feature, and then its gates."""
    node, edge, _ = irreps_of(problem)
    gates = ((1, scalar(problem)),) * len(gated_of(problem))
    every, c = Irreps((*node.items, *gates)), channels_of(problem)
    square = cutoff_of(problem) ** 2
    return (
        Steerable("M1", node, edge, every, (2 * c, c), scales=square),
        Steerable("M2", node, edge, every, (c, c)),
        Steerable("U1", node, edge, every, (2 * c, c)),
        Steerable("U2", node, edge, node, (c, c)),
    )


def trivial(problem: Problem) -> Array:
    """Return the attribute [dim(irreps_edge)] of a node without edges: 1 at degree 0."""
    edge = irreps_of(problem)[1]
    return np.concatenate([np.full(ir.dim, float(ir.l == 0)) for _, ir in edge])


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, irreps_of(problem)[2])}


def _weights(problem: Problem) -> Mapping[str, Space]:
    first, second, update, last = maps_of(problem)
    nodes, edges = counts_of(problem)
    near = (1 + max(edges / nodes, 1.0)) / 2  # half of the channels of the update are sums
    return {**first.weights(), **second.weights(), **update.weights(near), **last.weights()}


def gate(problem: Problem, s: Array) -> Array:
    """Return z [n, channels, dim] of s, which has the gates behind the feature, in float64."""
    node, gated = irreps_of(problem)[0], gated_of(problem)
    z = np.empty((*s.shape[:2], node.dim))
    for i, part in enumerate(node.slices()):
        if i in gated:
            z[..., part] = sigmoid(s[..., node.dim + gated.index(i)])[..., None] * s[..., part]
        else:
            z[..., part] = activate("silu", s[..., part])
    return z


def attributes(problem: Problem, sh: Array, dst: Array, nodes: int) -> Array:
    """Return a_i [nodes, dim(irreps_edge)] of the attributes of edges, in float64."""
    found = np.tile(trivial(problem), (nodes, 1))
    for n in np.unique(dst):
        found[n] = sh[dst == n].mean(axis=0)
    return found


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Follow the formula: a message of each edge, its sum, the update of each node."""
    first, second, update, last = maps_of(problem)
    x, v, src, dst = (inputs[name] for name in ("x", "v", "src", "dst"))
    sh, squares = edge_harmonics(problem, inputs), np.einsum("ei,ei->e", v, v)
    h = np.concatenate([x[dst], x[src]], axis=1)
    m = gate(problem, steerable.oracle(first, h, sh, weights, squares))
    m = gate(problem, steerable.oracle(second, m, sh, weights))
    sums = np.zeros(x.shape)
    np.add.at(sums, dst, m)
    a, h = attributes(problem, sh, dst, len(x)), np.concatenate([x, sums], axis=1)
    u = gate(problem, steerable.oracle(update, h, a, weights))
    return {"z": x + steerable.oracle(last, u, a, weights)}


def _supports(problem: Problem) -> Refusal | None:
    refusal = no_layer(problem)
    if refusal:
        return refusal
    node, edge, out = irreps_of(problem)
    if out != node:
        return Refusal(
            f"{node} | {edge} | {out}: SEGNN adds to the features of nodes",
            "ask for the irreps of nodes as outputs",
        )
    first = maps_of(problem)[0]
    if not first.missing:
        return None
    irreps = dict.fromkeys(str(first.out.items[o][1]) for o in first.missing)
    return Refusal(
        f"identically zero: no path of {node} x {edge} ends in {' or '.join(irreps)}",
        "ask for features and harmonics that couple to all features, and to invariants for gates",
    )


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count two maps and gates an edge, two maps and a gate a node, lengths and sums."""
    first, second, update, last = maps = maps_of(problem)
    (nodes, edges), c = counts_of(problem), channels_of(problem)
    node, edge, _ = irreps_of(problem)
    gate = c * (10 * len(node) + node.dim)
    of_edge = first.flops + second.flops + 2 * gate + 5 + c * node.dim + edge.dim
    of_node = update.flops + last.flops + gate + c * node.dim + edge.dim
    numbers = 2 * nodes * c * node.dim + 3 * edges + sum(each.numbers for each in maps)
    return {
        "flops": float(edges * of_edge + nodes * of_node),
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


OPERATION = Operation(
    name="segnn_layer",
    title="SEGNN layer",
    family="points",
    summary="messages and updates by gated products with the harmonics of edges, channels mixed",
    papers=("brandstetter2022",),
    claims=exact("rotation", "inversion", "translation", "permutation"),
    reads=("x", "v", "src", "dst"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    users=("brandstetter2022",),
    growth=Growth({"lmax": 5, "channels": 2}),
)
