r"""S-GCN layer: sums over neighbours with the harmonics of their directions in a local frame.

For invariants h of nodes, and directions seen in a frame e1, e2, e3 of the receiver [@igashov2021],

    h'_i = silu(W0^T h_i + sum_lm W_lm^T sum_j Y_lm(Q_i^T v_ij / |v_ij|) h_j + b)

with Q_i = [e1 e2 e3] and one matrix W_lm of channels for each harmonic: (dim + 1) C^2 of them, dim
= (L+1)^2 for all degrees up to L. In the frame all harmonics are invariants, so that directions
count though nothing but invariants is passed on. The frame is that of two vectors of the node,

    u_i = sum_j a_ij0 v_ij,   t_i = sum_j a_ij1 v_ij,
    e1 = u / |u|,   e2 = (t - (t.e1) e1) / |..|,   e3 = e1 x e2,

sums over the neighbours with two invariants of each edge, the first two channels of a. For the
backbone of a protein a_ij0 picks the atom C of a residue and a_ij1 the atom N, seen from C_alpha:
that is the frame of the paper. Its silu stands for the paper's activation.

Equivariant under rotations, translations and permutations. **Not under inversion**: e3 keeps its
sign where e1 and e2 change theirs, so that mirror images differ, as they should for proteins.
**Where it is not well defined.** At an angle d between u and t rounding turns the frame by its 1/d,
and gradients grow so. Neighbours in one line leave no frame at all: such graphs are refused.

Cost: O(L^2 C) for each edge, sums first, and O(L^2 C^2) for each node.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from impls.families.points import (
    channels_of,
    edge_harmonics,
    has_vectors,
    irreps_of,
    node_space,
)
from impls.growth import Growth
from impls.inputs.named import counts_of, graph_of
from impls.layers.radial import matrix
from impls.operation import Operation, exact
from impls.pointwise.activations import activate
from impls.problem import BYTES, Problem, Refusal
from impls.so3.irreps import standard
from impls.spaces import Array, Arrays, Space

FLAT = 0.01
"""Of the directions of the neighbours of a node, the least second moment, in units of the first."""


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, irreps_of(problem)[2])}


def _weights(problem: Problem) -> Mapping[str, Space]:
    c, dim, (nodes, edges) = channels_of(problem), irreps_of(problem)[1].dim, counts_of(problem)
    return {
        "W0": matrix((c, c), c),
        "W": matrix((dim, c, c), c * dim * max(edges / nodes, 1.0)),
        "b": Space((c,)),
    }


def frames(u: Array, t: Array) -> Array:
    """Return the frames [n, 3, 3] of u and t [n, 3], with e1, e2 and e3 as rows."""
    # The QR decomposition of (u, t), with signs such that u and t have positive components.
    q, r = np.linalg.qr(np.stack([u, t], axis=-1))
    plane = q * np.sign(np.diagonal(r, axis1=-2, axis2=-1))[..., None, :]
    third = np.cross(plane[..., 0], plane[..., 1])
    return np.stack([plane[..., 0], plane[..., 1], third], axis=-2)


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Follow the formula: frames of nodes, directions in them, sums, and matrices."""
    x, v, a, src, dst = (inputs[name] for name in ("x", "v", "a", "src", "dst"))
    h, dim = x[..., 0], irreps_of(problem)[1].dim
    u, t = np.zeros((2, len(h), 3))
    np.add.at(u, dst, a[:, :1] * v)
    np.add.at(t, dst, a[:, 1:2] * v)
    seen = np.einsum("eix,ex->ei", frames(u, t)[dst], v)
    sums = np.zeros((len(h), dim, h.shape[1]))
    np.add.at(sums, dst, np.einsum("em,ec->emc", edge_harmonics(problem, {"v": seen}), h[src]))
    found = h @ weights["W0"] + np.einsum("nmc,mcd->nd", sums, weights["W"]) + weights["b"]
    return {"z": activate("silu", found)[..., None]}


@lru_cache(maxsize=64)
def _in_a_line(problem: Problem) -> int | None:
    """Return a node whose neighbours are in one line, or nearly, or are none; None if none is."""
    graph = graph_of(problem)
    n = graph.vectors / np.linalg.norm(graph.vectors, axis=1, keepdims=True)
    moments = np.zeros((graph.nodes, 3, 3))
    np.add.at(moments, graph.dst, np.einsum("ex,ey->exy", n, n))
    values = np.linalg.eigvalsh(moments)
    flat = np.flatnonzero(values[:, 1] <= FLAT * values[:, 2])  # also where both are zero
    return int(flat[0]) if len(flat) else None


def _supports(problem: Problem) -> Refusal | None:
    node, edge, out = irreps_of(problem)
    scalars = standard("o3" if node.parity else "so3", range(1))
    if (node, out) != (scalars, scalars) or edge.lmax == 0:
        return Refusal(
            f"{node} | {edge} | {out}: S-GCN makes invariants of invariants and directions",
            f"ask for {scalars.items[0][1]} of nodes and outputs, and edges above degree 0",
        )
    if not has_vectors(problem):
        return Refusal(
            "harmonics of edges are given: they are none in the frames of nodes",
            "ask with given=vectors",
        )
    if channels_of(problem) < 2:
        return Refusal(
            f"channels={channels_of(problem)}: a frame takes two invariants of each edge",
            "use 2 channels or more",
        )
    node_in_a_line = _in_a_line(problem)
    if node_in_a_line is not None:
        return Refusal(
            f"data {problem.data!r}: the neighbours of node {node_in_a_line} leave it no frame",
            "use a graph where each node has two neighbours in different directions",
        )
    return None


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count frames, directions in them with four operations a harmonic, sums, and matrices."""
    c, dim, (nodes, edges) = channels_of(problem), irreps_of(problem)[1].dim, counts_of(problem)
    of_edge = 12 + 15 + 6 + 4 * dim + 2 * dim * c
    of_node = 40 + 2 * (dim + 1) * c * c + 12 * c
    numbers = 2 * nodes * c + edges * (3 + 2) + (dim + 1) * c * c + c
    return {
        "flops": float(edges * of_edge + nodes * of_node),
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


OPERATION = Operation(
    name="sgcn_layer",
    title="S-GCN layer",
    family="points",
    reads=("x", "v", "a", "src", "dst"),
    summary="invariants summed with the harmonics of directions in a local frame of each node",
    papers=("igashov2021",),
    claims=exact("rotation", "translation", "permutation"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    users=("igashov2021",),
    growth=Growth({"lmax": 2, "channels": 2}),
)
