r"""PARE-Conv: convolutions of vectors whose weights are chosen by where the neighbours are.

For edges i <- k with vectors p_k from i to k, N_i of them [@yao2024]: what an edge knows of its
place are three vectors, the third a cross product with the mean of all edges of the node,

    c = (1 / N_i) sum_k p_k,     P_k = (p_k, c, p_k x c)
    s_k = softmax(a(|V(P_k)|))                       B numbers for each edge

with V vector neurons [@deng2021], 3 -> 8 vectors, and a a perceptron of their lengths, 8 -> 8 -> B.
They weigh a bank of B = 4 matrices W_b, from e vectors x_k to C' = C / 2 rounded up:

    m_k = normed(sum_b s_kb W_b^T x_k),     normed(m) = m / sqrt(|m|^2 + eps)
    y_i = N(R((1 / N_i) sum_k m_k))

vector by vector, eps = 1e-6. R are vector neurons without a map and N a layer of them, C' -> C. A
node without edges has sums of zero, and y_i = 0. There are two blocks:

    pare_lift_layer   z_i = y_i,          x_k = P_k: the first one, of positions alone
    pare_layer        z_i = F_i + y_i,    x_k = (F_k - F_i, F_k, p_k): the others, of C vectors F

**Mirror images.** p x c does not turn around under inversion, where p and c do. In the shares s
that is not seen: it is perpendicular to both, so that lengths of sums of all three, and scalar
products of two such sums, have no term in which it meets them. So `pare_layer` is equivariant under
all of O(3). `pare_lift_layer` is so under rotations alone: it adds the three, and its vectors turn
around neither all nor none; what follows can tell mirror images apart by them.

normed has eps below a root, where the code of the paper adds a constant to each component, which no
rotation keeps.

They answer questions that ask for one 1o of each channel, in and out, along the vectors of edges.

Cost of the layer: O(B C^2) for each edge, or, with linear maps at nodes, for each node, and O(B C)
an edge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from impls.families.points import channels_of, has_vectors, irreps_of, node_space
from impls.growth import Growth
from impls.inputs.named import counts_of
from impls.layers import perceptron, vector_neurons
from impls.layers.perceptron import Perceptron
from impls.layers.radial import matrix
from impls.layers.vector_neurons import VectorNeurons
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem, Refusal
from impls.so3.irreps import Irreps
from impls.spaces import Array, Arrays, Space

BANK = 4
"""The matrices that are weighed."""
HIDDEN = 8
"""Vectors, and neurons, of what weighs them."""
EPSILON = 1e-6
"""What is added to squares of lengths, so that nothing is divided by zero."""
PLACE = VectorNeurons("place", 3, HIDDEN)
"""V, of what an edge knows of its place."""
WEIGH = Perceptron("weigh", (HIDDEN, HIDDEN, BANK))
"""a, which weighs the bank."""


def half_of(problem: Problem) -> int:
    """Return C', the vectors of a message."""
    return -(-channels_of(problem) // 2)


def update_of(problem: Problem) -> tuple[VectorNeurons, VectorNeurons]:
    """Return R and N, which follow the sum."""
    half = half_of(problem)
    bent = VectorNeurons("bent", half, half, mapped=False)
    return bent, VectorNeurons("out", half, channels_of(problem))


def _entering(lifts: bool, problem: Problem) -> int:
    """Return e, the vectors of an edge that meet the bank."""
    return 3 if lifts else 2 * channels_of(problem) + 1


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, irreps_of(problem)[2])}


def _weights(lifts: bool, problem: Problem) -> Mapping[str, Space]:
    entering = _entering(lifts, problem)
    found = {"B": matrix((BANK, entering, half_of(problem)), entering)}
    for part in (PLACE, WEIGH, *update_of(problem)):
        found |= part.weights()
    return found


def _mean(rows: Array, dst: Array, nodes: int) -> Array:
    total = np.zeros((nodes, *rows.shape[1:]))
    np.add.at(total, dst, rows)
    counts = np.maximum(np.bincount(dst, minlength=nodes), 1)
    return np.asarray(total / counts.reshape(-1, *(1 for _ in rows.shape[1:])))


def _convolved(
    problem: Problem, inputs: Arrays, weights: Arrays, known: Callable[[Array], Array]
) -> Array:
    """Return y [nodes, C, 3]; `known` makes x [edges, e, 3] of P [edges, 3, 3]."""
    p, dst, nodes = inputs["v"], inputs["dst"], counts_of(problem)[0]
    centre = _mean(p, dst, nodes)[dst]
    places = np.stack([p, centre, np.cross(p, centre)], axis=1)
    seen = vector_neurons.oracle(PLACE, places, weights)
    found = perceptron.oracle(WEIGH, np.sqrt(np.einsum("evx,evx->ev", seen, seen)), weights)
    powers = np.exp(found - found.max(axis=1, keepdims=True))
    chosen = powers / powers.sum(axis=1, keepdims=True)
    m = np.einsum("eb,bio,eix->eox", chosen, weights["B"], known(places), optimize=True)
    m = m / np.sqrt(np.einsum("eox,eox->eo", m, m) + EPSILON)[..., None]
    y = _mean(m, dst, nodes)
    for neurons in update_of(problem):
        y = vector_neurons.oracle(neurons, y, weights)
    return y


def _lift(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    return {"z": _convolved(problem, inputs, weights, lambda places: places)}


def _layer(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    f, sent = inputs["x"], inputs["x"][inputs["src"]]

    def known(places: Array) -> Array:
        return np.concatenate([sent - f[inputs["dst"]], sent, places[:, :1]], axis=1)

    return {"z": f + _convolved(problem, inputs, weights, known)}


def _supports(problem: Problem) -> Refusal | None:
    node, _, out = irreps_of(problem)
    vectors = Irreps.parse("1o" if node.parity else "1")
    if (node, out) != (vectors, vectors):
        return Refusal(
            f"{node} | {out}: PARE-Conv has a vector in each channel, in and out",
            f"ask for nodes and outputs {vectors.items[0][1]}",
        )
    if not has_vectors(problem):
        return Refusal(
            "harmonics of edges are given: the weights need places", "ask with given=vectors"
        )
    return None


def _cost(lifts: bool, problem: Problem) -> Mapping[str, float]:
    """Count linear maps of features once a node, what weighs the bank, and sums of each edge."""
    (nodes, edges), c, half = counts_of(problem), channels_of(problem), half_of(problem)
    of_edge = 12 + PLACE.flops + 6 * HIDDEN + WEIGH.flops + 5 * BANK
    of_edge += BANK * half * 3 * (6 if lifts else 2 + 1) + BANK * half * 6 + 12 * half
    update = update_of(problem)
    of_node = sum(part.flops for part in update) + 3 * half
    of_node += 0 if lifts else 2 * 2 * 3 * c * BANK * half + 3 * c
    numbers = nodes * 3 * c * (1 if lifts else 2) + 3 * edges
    numbers += sum(part.numbers for part in (PLACE, WEIGH, *update))
    numbers += BANK * _entering(lifts, problem) * half
    return {
        "flops": float(edges * of_edge + nodes * of_node),
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


def _block(
    name: str,
    title: str,
    summary: str,
    oracle: Callable[[Problem, Arrays, Arrays], Arrays],
    *,
    lifts: bool,
) -> Operation:
    return Operation(
        name=name,
        title=title,
        family="points",
        reads=("v", "dst") if lifts else ("x", "v", "src", "dst"),
        summary=summary,
        papers=("yao2024", "deng2021"),
        claims=exact("rotation", *(() if lifts else ("inversion",)), "translation", "permutation"),
        outputs=_outputs,
        oracle=oracle,
        cost=partial(_cost, lifts),
        supports=_supports,
        weights=partial(_weights, lifts),
        users=("yao2024",),
        growth=Growth({"lmax": 0, "channels": 2}),
    )


LIFT = _block(
    "pare_lift_layer",
    "PARE-Conv, first",
    "vectors of nodes made of the positions of neighbours, and of a cross product of these",
    _lift,
    lifts=True,
)

LAYER = _block(
    "pare_layer",
    "PARE-Conv layer",
    "vectors convolved by a bank of weights that places of neighbours choose from",
    _layer,
    lifts=False,
)
