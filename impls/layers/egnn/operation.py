r"""EGNN layer: invariants of nodes and their positions, updated from distances alone.

With the edges i <- j into node i, N_i of them, and phi perceptrons of two linear maps with silu
between them (after the second as well in phi_e) [@satorras2021],

    m_ij  = phi_e(h_i, h_j, |r_i - r_j|^2)
    r'_i  = r_i + (1 / N_i) sum_j (r_i - r_j) phi_x(m_ij)
    h'_i  = h_i + phi_h(h_i, sum_j m_ij)

The features h are C invariants of each node; the only vectors are differences of positions, and the
weight of each is an invariant, so that all is equivariant under E(3), and r' is moved as r is. It
has no cutoff: the paper joins all nodes with all, where 1 / N_i is its 1 / (M - 1).

It answers questions that ask for invariants of nodes, the vectors of edges, and both out: the
outputs are h [nodes, C, 1] and r [nodes, 3].

Cost: O(C^2) for each edge, three linear maps: those of h_i and h_j need be made only once a node.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.points import channels_of, has_positions, irreps_of, node_space, position_space
from impls.growth import Growth
from impls.inputs.named import counts_of
from impls.layers.perceptron import Perceptron, oracle
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem, Refusal
from impls.so3.irreps import Irreps, standard
from impls.spaces import Arrays, Space


def perceptrons_of(problem: Problem) -> tuple[Perceptron, Perceptron, Perceptron]:
    """Return phi_e, phi_x and phi_h."""
    c = channels_of(problem)
    edge = Perceptron("edge", (2 * c + 1, c, c), active=True)
    return edge, Perceptron("coordinate", (c, c, 1)), Perceptron("node", (2 * c, c, c))


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {
        "h": node_space(problem, irreps_of(problem)[0]),
        "r": position_space(problem),
    }


def _weights(problem: Problem) -> Mapping[str, Space]:
    edge, coordinate, node = (each.weights() for each in perceptrons_of(problem))
    return {**edge, **coordinate, **node}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Follow the formula, edge by edge and then node by node."""
    edge, coordinate, node = perceptrons_of(problem)
    h, r, src, dst = inputs["x"][..., 0], inputs["r"], inputs["src"], inputs["dst"]
    apart = r[dst] - r[src]
    squares = np.einsum("ei,ei->e", apart, apart)[:, None]
    m = oracle(edge, np.concatenate([h[dst], h[src], squares], axis=1), weights)
    moves, gathered = np.zeros(r.shape), np.zeros(h.shape)
    np.add.at(moves, dst, apart * oracle(coordinate, m, weights))
    np.add.at(gathered, dst, m)
    moves /= np.maximum(np.bincount(dst, minlength=len(r)), 1)[:, None]
    new = h + oracle(node, np.concatenate([h, gathered], axis=1), weights)
    return {"h": new[..., None], "r": r + moves}


def _supports(problem: Problem) -> Refusal | None:
    node, edge, out = irreps_of(problem)
    symmetry = "o3" if node.parity else "so3"
    scalars, both = standard(symmetry, range(1)), standard(symmetry, range(2))
    if (node, edge, out) != (scalars, both, both):
        return Refusal(
            f"{node} | {edge} | {out}: EGNN makes invariants and one vector of invariants",
            f"ask for {_plain(scalars)} with edges and outputs {_plain(both)}",
        )
    if not has_positions(problem):
        return Refusal(
            f"data {problem.data!r}, given={problem.sizes['given']}: EGNN moves positions of nodes",
            "ask of an open structure, a molecule or a lattice, with given=vectors",
        )
    return None


def _plain(irreps: Irreps) -> str:
    return "+".join(str(ir) for _, ir in irreps)


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count perceptrons, with what edges take of h made once a node, differences and sums."""
    edge, coordinate, node = perceptrons_of(problem)
    (nodes, edges), c = counts_of(problem), channels_of(problem)
    once = 2 * 2 * c * c
    of_edge = edge.flops - once + 2 * c + coordinate.flops + c + 14
    numbers = nodes * (2 * c + 6) + edge.numbers + coordinate.numbers + node.numbers
    return {
        "flops": float(edges * of_edge + nodes * (once + node.flops + c + 6)),
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


OPERATION = Operation(
    name="egnn_layer",
    title="EGNN layer",
    family="points",
    reads=("x", "r", "src", "dst"),
    summary="invariants from distances, positions moved along their differences",
    papers=("satorras2021",),
    claims=exact("rotation", "inversion", "translation", "permutation"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    users=("satorras2021",),
    growth=Growth({"lmax": 0, "channels": 2}),
)
