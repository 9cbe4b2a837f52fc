r"""GVP layer: geometric vector perceptrons as messages along edges, and as an update at nodes.

A geometric vector perceptron [@jing2021] maps invariants s [n] and vectors V [nu, 3] to s' [m] and
V' [mu, 3], by

    V_h = W_h V,     V_mu = W_v V_h,     h = max(nu, mu) rows in V_h
    s_m = W_s (s, |V_h|) + b
    s'  = phi(s_m),     V' = sigmoid(|V_mu|) V_mu      (both as they are where it is linear)

with |.| the length of each row. The layer, for h = (s, V) of each node and an edge i <- j,

    h_ij = (radial functions of |r_ij|, r_ij / |r_ij|)
    h_i <- norm(h_i + mean_j g(h_j, h_ij)),     g three perceptrons, the last linear
    h_i <- norm(h_i + f(h_i)),                  f two, n -> 4n and nu -> 2 nu, then back, linear

the parts of a pair joined scalar by scalar and vector by vector. `norm` is layer norm of s, with
learned g and b, and divides V by the root of (mean of |V_k|^2 + eps) over its rows, as s by that of
(variance + eps), eps = 1e-5. The 16 radial functions are exp(-((r - mu_k) / sigma)^2), mu_k from 0
to the cutoff of the graph, sigma = cutoff / 16. A node without edges gets a message of zero.

phi is silu, where the paper has relu by default: so that the layer has the gradients that forces
need. There is no dropout. Scalars alone meet a nonlinearity, and lengths scale vectors: equivariant
under O(3).

It answers questions of copies of 0e and then of 1o, the same in and out, along the vectors of
edges: 4 channels of 25x0e + 4x1o are the paper's nodes of 100 scalars and 16 vectors.

Cost: O(C^2) for each edge, three perceptrons, and for each node.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from impls.families.points import channels_of, has_vectors, irreps_of, node_space
from impls.growth import Growth
from impls.inputs.named import counts_of, cutoff_of
from impls.layers.radial import matrix
from impls.operation import Operation, exact
from impls.pointwise.activations import activate, sigmoid
from impls.problem import BYTES, Problem, Refusal
from impls.so3.irreps import Irreps, standard
from impls.spaces import Array, Arrays, Space

BASIS = 16
"""The number of radial functions."""
EPSILON = 1e-5
"""What is added to mean squares, so that nothing is divided by zero."""
Pair = tuple[Array, Array]
"""Invariants [n, A] and vectors [n, B, 3]."""


@dataclass(frozen=True)
class VectorPerceptron:
    """One geometric vector perceptron: its name, and the (scalars, vectors) in and out of it."""

    name: str
    before: tuple[int, int]
    after: tuple[int, int]
    linear: bool = False

    @property
    def hidden(self) -> int:
        """Return how many vectors V_h has."""
        return max(self.before[1], self.after[1])

    @property
    def flops(self) -> int:
        """Return the operations of one row."""
        (n, nu), (m, mu), h = self.before, self.after, self.hidden
        maps = 2 * 3 * (nu * h + h * mu) + 2 * (n + h) * m
        return maps + 6 * h + m + (0 if self.linear else 10 * m + 19 * mu)

    @property
    def numbers(self) -> int:
        """Return how many weights there are."""
        (n, nu), (m, mu), h = self.before, self.after, self.hidden
        return nu * h + h * mu + (n + h + 1) * m

    def weights(self) -> Mapping[str, Space]:
        """Return the Spaces of W_h, W_v, W_s [in, out] and b [out], as <name>_Wh and so on."""
        (n, nu), (m, mu), h = self.before, self.after, self.hidden
        return {
            f"{self.name}_Wh": matrix((nu, h), nu),
            f"{self.name}_Wv": matrix((h, mu), h),
            f"{self.name}_Ws": matrix((n + h, m), n + h),
            f"{self.name}_b": Space((m,)),
        }


def copies_of(irreps: Irreps) -> tuple[int, int]:
    """Return how many copies of 0e (or 0) and of 1o (or 1) irreps have; (0, 0) if others too."""
    labels = [ir for _, ir in irreps]
    scalar, vector = (ir for _, ir in standard("o3" if irreps.parity else "so3", range(2)))
    counts = labels.count(scalar), labels.count(vector)
    ordered = labels == [scalar] * counts[0] + [vector] * counts[1]
    return counts if ordered else (0, 0)


def sizes_of(problem: Problem) -> tuple[int, int]:
    """Return the numbers (A, B) of scalars and of vectors of a node."""
    scalars, vectors = copies_of(irreps_of(problem)[0])
    return channels_of(problem) * scalars, channels_of(problem) * vectors


def perceptrons_of(
    problem: Problem,
) -> tuple[tuple[VectorPerceptron, ...], tuple[VectorPerceptron, ...]]:
    """Return the perceptrons of g and of f."""
    a, b = size = sizes_of(problem)
    wide = 4 * a, 2 * b
    message = (
        VectorPerceptron("g1", (a + BASIS, b + 1), size),
        VectorPerceptron("g2", size, size),
        VectorPerceptron("g3", size, size, linear=True),
    )
    update = VectorPerceptron("f1", size, wide), VectorPerceptron("f2", wide, size, linear=True)
    return message, update


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, irreps_of(problem)[2])}


def _weights(problem: Problem) -> Mapping[str, Space]:
    a = sizes_of(problem)[0]
    found = {name: Space((a,)) for name in ("norm1_g", "norm1_b", "norm2_g", "norm2_b")}
    for part in perceptrons_of(problem):
        for perceptron in part:
            found |= perceptron.weights()
    return found


def _perceptron(one: VectorPerceptron, pair: Pair, weights: Arrays) -> Pair:
    s, v = pair
    hidden = np.einsum("bh,nbi->nhi", weights[f"{one.name}_Wh"], v)
    out = np.einsum("hm,nhi->nmi", weights[f"{one.name}_Wv"], hidden)
    lengths = np.sqrt(np.einsum("nhi,nhi->nh", hidden, hidden))
    scalars = np.concatenate([s, lengths], 1) @ weights[f"{one.name}_Ws"] + weights[f"{one.name}_b"]
    if one.linear:
        return scalars, out
    gates = sigmoid(np.sqrt(np.einsum("nmi,nmi->nm", out, out)))
    return activate("silu", scalars), gates[..., None] * out


def _norm(pair: Pair, name: str, weights: Arrays) -> Pair:
    s, v = pair
    s = (s - s.mean(1, keepdims=True)) / np.sqrt(s.var(1, keepdims=True) + EPSILON)
    squares = np.einsum("nbi,nbi->n", v, v) / v.shape[1] + EPSILON
    return s * weights[f"{name}_g"] + weights[f"{name}_b"], v / np.sqrt(squares)[:, None, None]


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Follow the formula with vectors [n, B, 3]."""
    message, update = perceptrons_of(problem)
    x, v, src, dst = (inputs[name] for name in ("x", "v", "src", "dst"))
    count, cutoff, scalars = len(x), cutoff_of(problem), copies_of(irreps_of(problem)[0])[0]
    s = x[..., :scalars].reshape(count, -1)
    vectors = x[..., scalars:].reshape(count, -1, 3)
    r = np.linalg.norm(v, axis=1)
    radial = np.exp(-(((r[:, None] - np.linspace(0, cutoff, BASIS)) * BASIS / cutoff) ** 2))
    pair = np.hstack([s[src], radial]), np.hstack([vectors[src], (v / r[:, None])[:, None]])
    for one in message:
        pair = _perceptron(one, pair, weights)
    received = np.zeros_like(s), np.zeros_like(vectors)
    for total, part in zip(received, pair, strict=True):
        np.add.at(total, dst, part)
    degrees = np.maximum(np.bincount(dst, minlength=count), 1)
    s, vectors = s + received[0] / degrees[:, None], vectors + received[1] / degrees[:, None, None]
    pair = s, vectors = _norm((s, vectors), "norm1", weights)
    for one in update:
        pair = _perceptron(one, pair, weights)
    s, vectors = _norm((s + pair[0], vectors + pair[1]), "norm2", weights)
    channels = x.shape[1]
    parts = s.reshape(count, channels, -1), vectors.reshape(count, channels, -1)
    return {"z": np.concatenate(parts, axis=-1)}


def _supports(problem: Problem) -> Refusal | None:
    node, edge, out = irreps_of(problem)
    both = standard("o3" if node.parity else "so3", range(2))
    if out != node or edge != both or not all(copies_of(node)):
        scalar, vector = (str(ir) for _, ir in both)
        return Refusal(
            f"{node} | {edge} | {out}: GVP has scalars, then vectors, the same in and out",
            f"ask for copies of {scalar} and then {vector} of nodes and outputs, "
            f"edges {scalar}+{vector}",
        )
    if not has_vectors(problem):
        return Refusal(
            "harmonics of edges are given: the messages need lengths", "ask with given=vectors"
        )
    return None


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count perceptrons, radial functions and sums of each edge, and two norms of each node."""
    message, update = perceptrons_of(problem)
    (nodes, edges), (a, b) = counts_of(problem), sizes_of(problem)
    of_edge = sum(one.flops for one in message) + 12 * BASIS + 10 + a + 3 * b
    of_node = sum(one.flops for one in update) + 2 * (a + 3 * b) + 2 * (9 * a + 9 * b + 24)
    weights = sum(one.numbers for one in (*message, *update)) + 4 * a
    numbers = nodes * 2 * (a + 3 * b) + 3 * edges + weights
    return {
        "flops": float(edges * of_edge + nodes * of_node),
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


OPERATION = Operation(
    name="gvp_layer",
    title="GVP layer",
    family="points",
    reads=("x", "v", "src", "dst"),
    summary="scalars and vectors through perceptrons that see lengths of vectors, and scale them",
    papers=("jing2021",),
    claims=exact("rotation", "inversion", "translation", "permutation"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    users=("jing2021",),
    growth=Growth({"lmax": 0, "channels": 2}),
)
