r"""PaiNN layer: scalars and vectors of nodes, a message along edges and then an update at nodes.

For F scalars s and F vectors V of each node, with phi and a perceptrons of two linear maps with
silu between them, F -> F -> 3F and 2F -> F -> 3F [@schutt2021]: the message, over the edges i <- j,

    (p, q, t)_ij = phi(s_j) * W(|r_ij|),     W(r) = sum_k W_k sin(k pi r / r_c) / r  f_c(r)
    s_i <- s_i + sum_j p_ij
    V_i <- V_i + sum_j (q_ij V_j + t_ij r_ij / |r_ij|)

and the update, with linear maps U and L of the channels of vectors,

    (p, q, t)_i = a(s_i, |L V_i|)
    s_i <- s_i + p_i + q_i <U V_i, L V_i>
    V_i <- V_i + t_i U V_i

with k = 1 .. 20 and f_c(r) = (1 + cos(pi r / r_c)) / 2 up to the cutoff r_c of the graph, 0 beyond,
so that an edge comes into sight with two derivatives of zero: the waves are zero at r_c too. All
products but <,> are channel by channel. Scalars alone meet a nonlinearity, and scale vectors:
equivariant under O(3). The layer has no product of two vectors to a third, and no degree 2.

It answers questions that ask for one 0e and one 1o of each channel, in and out, along the vectors
of edges.

Cost: O(F) for each edge beside the filter W of O(20 F), O(F^2) for each node.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.points import channels_of, has_vectors, irreps_of, node_space
from impls.growth import Growth
from impls.inputs.named import counts_of, cutoff_of
from impls.layers.perceptron import Perceptron, oracle
from impls.layers.radial import matrix
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem, Refusal
from impls.so3.irreps import standard
from impls.spaces import Array, Arrays, Space

BASIS = 20
"""The number of radial functions."""


def perceptrons_of(problem: Problem) -> tuple[Perceptron, Perceptron]:
    """Return phi of messages and a of updates."""
    f = channels_of(problem)
    return Perceptron("message", (f, f, 3 * f)), Perceptron("update", (2 * f, f, 3 * f))


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, irreps_of(problem)[2])}


def _weights(problem: Problem) -> Mapping[str, Space]:
    f = channels_of(problem)
    found = {"W": matrix((BASIS, 3 * f), BASIS), "U": matrix((f, f), f), "L": matrix((f, f), f)}
    for perceptron in perceptrons_of(problem):
        found |= perceptron.weights()
    return found


def _filters(problem: Problem, r: Array, w: Array) -> Array:
    """Return W(r) [edges, 3F] of lengths r [edges]."""
    cutoff = cutoff_of(problem)
    k = np.arange(1, BASIS + 1)
    within = np.where(r < cutoff, (1 + np.cos(np.pi * r / cutoff)) / 2, 0.0)
    return np.asarray((np.sin(np.outer(r, k) * np.pi / cutoff) * (within / r)[:, None]) @ w)


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Follow the formula: the message, then the update."""
    message, update = perceptrons_of(problem)
    x, v, src, dst = (inputs[name] for name in ("x", "v", "src", "dst"))
    s, vectors = x[..., 0].copy(), x[..., 1:].copy()
    r = np.sqrt(np.einsum("ei,ei->e", v, v))
    filtered = oracle(message, s, weights)[src] * _filters(problem, r, weights["W"])
    p, q, t = np.split(filtered, 3, axis=1)
    sent = np.einsum("ef,efi->efi", q, vectors[src]) + np.einsum("ef,ei,e->efi", t, v, 1 / r)
    np.add.at(s, dst, p)
    np.add.at(vectors, dst, sent)

    u = np.einsum("fg,nfi->ngi", weights["U"], vectors)
    left = np.einsum("fg,nfi->ngi", weights["L"], vectors)
    lengths = np.sqrt(np.einsum("nfi,nfi->nf", left, left))
    p, q, t = np.split(oracle(update, np.concatenate([s, lengths], 1), weights), 3, axis=1)
    s = s + p + q * np.einsum("nfi,nfi->nf", u, left)
    vectors = vectors + np.einsum("nf,nfi->nfi", t, u)
    return {"z": np.concatenate([s[..., None], vectors], axis=-1)}


def _supports(problem: Problem) -> Refusal | None:
    found = irreps_of(problem)
    both = standard("o3" if found[0].parity else "so3", range(2))
    if found != (both, both, both):
        labels = "+".join(str(ir) for _, ir in both)
        return Refusal(
            f"{' | '.join(map(str, found))}: PaiNN has a scalar and a vector in each channel",
            f"ask for {labels} of nodes, edges and outputs",
        )
    if not has_vectors(problem):
        return Refusal(
            "harmonics of edges are given: the filters need lengths", "ask with given=vectors"
        )
    return None


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count the perceptron of messages once a node, filters and products an edge, the update."""
    message, update = perceptrons_of(problem)
    (nodes, edges), f = counts_of(problem), channels_of(problem)
    of_edge = 12 * BASIS + 2 * BASIS * 3 * f + 3 * f + 9 * f + 4 * f + 15
    of_node = message.flops + update.flops + 2 * 2 * 3 * f * f + 6 * f + 5 * f + 9 * f
    numbers = nodes * 8 * f + 3 * edges + message.numbers + update.numbers + (3 * BASIS + 2 * f) * f
    return {
        "flops": float(edges * of_edge + nodes * of_node),
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


OPERATION = Operation(
    name="painn_layer",
    title="PaiNN layer",
    family="points",
    reads=("x", "v", "src", "dst"),
    summary="scalars and vectors: messages scaled by filters of distances, and an update at nodes",
    papers=("schutt2021",),
    claims=exact("rotation", "inversion", "translation", "permutation"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    users=("schutt2021",),
    growth=Growth({"lmax": 0, "channels": 2}),
)
