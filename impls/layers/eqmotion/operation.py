r"""EqMotion layer: trajectories as channels of positions, moved by learned kinds of interaction.

A node i has C invariants h_i and C positions X_ic = r_i + x_ic: times of its trajectory, or linear
maps of these, x relative to where it is. Over the edges i <- j, with d_ij the C lengths
|X_ic - X_jc| and the joined row e_ij = (h_i, h_j, d_ij) [@xu2023],

    c_ij = softmax(phi_c(e_ij))                           KINDS kinds of interaction
    m_ij = phi_m(e_ij)
    G_i  = X_i + silu(h_i A + a) * (X_i - o_i) + x_i V
           + sum_j phi_f(sum_k c_ijk phi_k(e_ij)) * (X_i - X_j)
    X'_i = o_i + keep((G_i - o_i) Q, (G_i - o_i) K)
    h'_i = h_i + phi_h(h_i, sum_j m_ij),

products * channel by channel, A, V, Q and K linear maps of channels, and for each channel

    keep(q, k) = q - min(<q, k>, 0) / (|k|^2 + 1e-4) k,

which takes away what of q points against k [@deng2021]. Outputs are h', and X' - r_i as vectors;
and the kinds c [edges, KINDS], which no motion changes. All perceptrons phi have two maps with silu
between, and after the second but in phi_c and phi_h. V acts on displacements from where a node
is: a linear map of these, as the velocities are that the paper has there.
The temperature of the paper's softmax is a scale of the last map of phi_c, and none here.

The centre o_i is the mean of all channels of i and of its neighbours. On a graph that joins all
with all it is the centre of all agents, as in the paper. Its code takes the mean of G anew before
`keep`: that would be neighbours of neighbours where a graph has a cutoff, and is left out.

Lengths alone meet perceptrons, and scale vectors: equivariant under E(3). It answers questions that
ask for one 0e and one 1o of each channel, in and out, of open structures.

Cost: O(C^2) for each edge, with KINDS + 4 perceptrons, and for each node.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.points import channels_of, has_positions, irreps_of, node_space
from impls.growth import Growth
from impls.inputs.named import counts_of
from impls.layers.perceptron import Perceptron, oracle
from impls.layers.radial import matrix
from impls.operation import Operation, exact
from impls.pointwise.activations import activate
from impls.problem import BYTES, Problem, Refusal
from impls.so3.irreps import standard
from impls.spaces import Array, Arrays, Space

KINDS = 2
"""Kinds of interaction."""
EPSILON = 1e-4
"""What is added to |k|^2, so that nothing is divided by zero."""


def perceptrons_of(problem: Problem) -> Mapping[str, Perceptron]:
    """Return phi_c, phi_m, phi_f and phi_h by name, and one for each kind."""
    c = channels_of(problem)
    found = {
        "kinds": Perceptron("kinds", (3 * c, c, KINDS), terms=12 * c),
        "message": Perceptron("message", (3 * c, c, c), active=True),
        "factor": Perceptron("factor", (c, c, c), active=True),
        "node": Perceptron("node", (2 * c, c, c)),
    }
    each = (f"kind{k}" for k in range(1, KINDS + 1))
    return found | {name: Perceptron(name, (3 * c, c, c), active=True) for name in each}


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {
        "z": node_space(problem, irreps_of(problem)[2]),
        "kinds": Space((counts_of(problem)[1], KINDS), axis="edges"),
    }


def _weights(problem: Problem) -> Mapping[str, Space]:
    c = channels_of(problem)
    found = {name: matrix((c, c), c) for name in ("A", "V", "Q", "K")} | {"a": Space((c,))}
    for perceptron in perceptrons_of(problem).values():
        found |= perceptron.weights()
    return found


def _centres(x: Array, src: Array, dst: Array) -> Array:
    """Return o [nodes, 3] of positions x [nodes, C, 3], node by node."""
    own = x.mean(axis=1)
    return np.stack(
        [np.vstack([own[i : i + 1], own[src[dst == i]]]).mean(0) for i in range(len(x))]
    )


def _kinds(a: Array) -> Array:
    """Return softmax(a) of rows."""
    likely = np.exp(a - a.max(axis=-1, keepdims=True))
    return np.asarray(likely / likely.sum(axis=-1, keepdims=True))


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Follow the formula with positions as they are."""
    phi = perceptrons_of(problem)
    h, moved, src, dst = inputs["x"][..., 0], inputs["x"][..., 1:], inputs["src"], inputs["dst"]
    x = inputs["r"][:, None] + moved
    apart = x[dst] - x[src]
    e = np.concatenate([h[dst], h[src], np.linalg.norm(apart, axis=-1)], axis=1)
    kinds = _kinds(oracle(phi["kinds"], e, weights))
    each = np.stack([oracle(phi[f"kind{k + 1}"], e, weights) for k in range(KINDS)], axis=1)
    factors = oracle(phi["factor"], np.einsum("ek,ekc->ec", kinds, each), weights)

    centres = _centres(x, src, dst)[:, None]
    attention = activate("silu", h @ weights["A"] + weights["a"])
    g = x + attention[..., None] * (x - centres) + np.einsum("nci,cd->ndi", moved, weights["V"])
    np.add.at(g, dst, factors[..., None] * apart)
    q = np.einsum("nci,cd->ndi", g - centres, weights["Q"])
    k = np.einsum("nci,cd->ndi", g - centres, weights["K"])
    against = np.minimum(np.einsum("nci,nci->nc", q, k), 0)
    kept = q - (against / (np.einsum("nci,nci->nc", k, k) + EPSILON))[..., None] * k

    gathered = np.zeros(h.shape)
    np.add.at(gathered, dst, oracle(phi["message"], e, weights))
    new = h + oracle(phi["node"], np.concatenate([h, gathered], axis=1), weights)
    vectors = centres + kept - inputs["r"][:, None]
    return {"z": np.concatenate([new[..., None], vectors], axis=-1), "kinds": kinds}


def _supports(problem: Problem) -> Refusal | None:
    found = irreps_of(problem)
    both = standard("o3" if found[0].parity else "so3", range(2))
    if found != (both, both, both):
        labels = "+".join(str(ir) for _, ir in both)
        return Refusal(
            f"{' | '.join(map(str, found))}: EqMotion has a scalar and a position in each channel",
            f"ask for {labels} of nodes, edges and outputs",
        )
    if not has_positions(problem):
        return Refusal(
            f"data {problem.data!r}, given={problem.sizes['given']}: EqMotion moves positions",
            "ask of an open structure, a molecule or a lattice, with given=vectors",
        )
    return None


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count perceptrons of edges and nodes, lengths and sums, and four maps of channels."""
    (nodes, edges), c = counts_of(problem), channels_of(problem)
    phi = perceptrons_of(problem)
    of_edges = [one for name, one in phi.items() if name != "node"]
    of_edge = sum(one.flops for one in of_edges) + (9 + 2 * KINDS + 6 + 1) * c + 14 * KINDS + 3
    of_node = phi["node"].flops + 2 * (1 + 3 * 3) * c * c + (11 + 3 + 9 + 3 + 21 + 6) * c
    weights = sum(one.numbers for one in phi.values()) + (4 * c + 1) * c
    numbers = nodes * (8 * c + 3) + edges * KINDS + weights
    return {
        "flops": float(edges * of_edge + nodes * of_node),
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


OPERATION = Operation(
    name="eqmotion_layer",
    title="EqMotion layer",
    family="points",
    reads=("x", "r", "src", "dst"),
    summary="trajectories as channels of positions, moved by learned kinds of interaction",
    papers=("xu2023", "deng2021"),
    claims=exact("rotation", "inversion", "translation", "permutation"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    users=("xu2023",),
    growth=Growth({"lmax": 0, "channels": 2}),
)
