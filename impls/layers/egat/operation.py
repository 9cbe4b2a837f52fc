r"""EGAT: attention to neighbours by their bonds and distances, and positions that it moves.

Over the edges i <- j, with invariants h of C channels, invariants a_ij of the edge and H heads of C
channels each [@brody2022; @schwehr2024],

    s_ijk  = sum_c w_kc rho(h_i L_k + h_j R_k + e_ij E_k + b_k)_c
    m_ijk  = softmax_j(s_ijk) h_j R_k
    h'_i   = silu(sum_j m_ijk over all heads k, joined) M + b
    r'_i   = r_i + sum_j (r_i - r_j) phi(m_ij1),    phi(m) = silu(m) . x + b

with the first head alone in phi. What an edge is, e_ij, tells three operations apart:

    egat_layer           (a_ij, |r_i - r_j|^2): as the paper has it, equivariant under E(3)
    egat_released_layer  (a_ij, r_i - r_j): as its code has it, where the square of the distance is
                         computed and the difference joined. Components of a vector are no
                         invariants: under rotations and mirrors h and r are not what they should be
    gatv2_layer          a_ij, and no positions: attention on a graph alone, as its branch of motifs

rho is the smooth leaky rectifier 0.2 a + 0.8 silu(a), and phi and the end have silu, where the code
has a leaky rectifier, GELU and ReLU: so that layers have the gradients that forces need. The linear
map M, which joins heads, is in the paper's encoder the next step.

The first two answer questions that ask for invariants of nodes, vectors of edges, and both out:
h [nodes, C, 1] and r [nodes, 3]. gatv2_layer answers those of invariants in and out.

Cost: O(H C^2) for each edge in E, and for each node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from impls.families.points import channels_of, has_positions, irreps_of, node_space, position_space
from impls.growth import Growth
from impls.inputs.named import counts_of
from impls.layers.radial import SILU, matrix
from impls.operation import Operation, SymmetryClaim, exact
from impls.pointwise.activations import activate, leaky, softmax_of_groups
from impls.problem import BYTES, Problem, Refusal
from impls.so3.irreps import Irreps, standard
from impls.spaces import Array, Arrays, Space

HEADS = 4
"""Heads of attention, of as many channels as a node has."""
GEOMETRY = {"egat_layer": 1, "egat_released_layer": 3, "gatv2_layer": 0}
"""How many numbers of positions an edge has."""


def _weights(name: str, problem: Problem) -> Mapping[str, Space]:
    """Return L, R, E, b and w of scores, M and the bias of what comes out, and those of phi."""
    c, edge = channels_of(problem), channels_of(problem) + GEOMETRY[name]
    wide = HEADS * c
    found = {
        "L": matrix((c, wide), 3 * c),
        "R": matrix((c, wide), c),
        "E": matrix((edge, wide), 3 * edge),
        "b": Space((wide,)),
        "w": matrix((HEADS, c), c),
        "M": matrix((wide, c), wide * SILU),
        "M_b": Space((c,)),
    }
    if GEOMETRY[name]:
        found |= {"phi_w": matrix((c,), c), "phi_b": Space((1,))}
    return found


def _outputs(name: str, problem: Problem) -> Mapping[str, Space]:
    found = {"h": node_space(problem, irreps_of(problem)[0])}
    return found | ({"r": position_space(problem)} if GEOMETRY[name] else {})


def _squares(inputs: Arrays) -> Array:
    apart = _apart(inputs)
    return np.einsum("ei,ei->e", apart, apart)[:, None]


def _apart(inputs: Arrays) -> Array:
    return np.asarray(inputs["r"][inputs["dst"]] - inputs["r"][inputs["src"]])


Geometry = Callable[[Arrays], Array]


def _oracle(geometry: Geometry | None, problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Follow the formula with messages [edges, HEADS, C]."""
    h, a, src, dst = inputs["x"][..., 0], inputs["a"], inputs["src"], inputs["dst"]
    edge = a if geometry is None else np.concatenate([a, geometry(inputs)], axis=1)
    c = h.shape[1]
    sends = (h @ weights["R"]).reshape(-1, HEADS, c)[src]
    receives = (h @ weights["L"] + weights["b"]).reshape(-1, HEADS, c)[dst]
    rectified = leaky(receives + sends + (edge @ weights["E"]).reshape(-1, HEADS, c))
    alpha = softmax_of_groups(np.einsum("ekc,kc->ek", rectified, weights["w"]), dst)
    m = np.einsum("ek,ekc->ekc", alpha, sends)
    gathered, moves = np.zeros((len(h), HEADS, c)), np.zeros((len(h), 3))
    np.add.at(gathered, dst, m)
    if geometry is not None:
        phi = activate("silu", m[:, 0]) @ weights["phi_w"] + weights["phi_b"]
        np.add.at(moves, dst, phi[:, None] * _apart(inputs))
    new = activate("silu", gathered.reshape(len(h), -1)) @ weights["M"] + weights["M_b"]
    found = {"h": new[..., None]}
    return found if geometry is None else {**found, "r": inputs["r"] + moves}


def _supports_positions(problem: Problem) -> Refusal | None:
    node, edge, out = irreps_of(problem)
    symmetry = "o3" if node.parity else "so3"
    scalars, both = standard(symmetry, range(1)), standard(symmetry, range(2))
    if (node, edge, out) != (scalars, both, both):
        return Refusal(
            f"{node} | {edge} | {out}: EGAT makes invariants and one vector of invariants",
            f"ask for {_plain(scalars)} with edges and outputs {_plain(both)}",
        )
    if not has_positions(problem):
        return Refusal(
            f"data {problem.data!r}, given={problem.sizes['given']}: EGAT moves positions of nodes",
            "ask of an open structure, a molecule or a lattice, with given=vectors",
        )
    return None


def _supports_graph(problem: Problem) -> Refusal | None:
    node, _, out = irreps_of(problem)
    scalars = standard("o3" if node.parity else "so3", range(1))
    if (node, out) != (scalars, scalars):
        return Refusal(
            f"{node} to {out}: attention on a graph alone makes invariants of invariants",
            f"ask for {_plain(scalars)} of nodes and outputs",
        )
    return None


def _plain(irreps: Irreps) -> str:
    return "+".join(str(ir) for _, ir in irreps)


def _cost(name: str, problem: Problem) -> Mapping[str, float]:
    """Count maps of nodes and edges, scores, a softmax of ten operations each, and sums."""
    (nodes, edges), c, geometry = counts_of(problem), channels_of(problem), GEOMETRY[name]
    wide = HEADS * c
    of_edge = 2 * (c + geometry) * wide + (2 + 13 + 2 + 2) * wide + 10 * HEADS
    of_edge += 12 * c + 15 if geometry else 0
    of_node = 3 * 2 * c * wide + 11 * wide + c
    weights = (4 * c + geometry + 2) * wide + 2 * c + 1
    numbers = nodes * (2 * c + (6 if geometry else 0)) + edges * c + weights
    return {
        "flops": float(edges * of_edge + nodes * of_node),
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


def _operation(
    name: str,
    title: str,
    summary: str,
    geometry: Geometry | None,
    claims: tuple[SymmetryClaim, ...],
    papers: tuple[str, ...],
) -> Operation:
    first, *_ = papers
    return Operation(
        name=name,
        title=title,
        family="points",
        reads=("x", "r", "a", "src", "dst") if geometry else ("x", "a", "src", "dst"),
        summary=summary,
        papers=papers,
        claims=claims,
        outputs=partial(_outputs, name),
        oracle=partial(_oracle, geometry),
        cost=partial(_cost, name),
        supports=_supports_positions if geometry else _supports_graph,
        weights=partial(_weights, name),
        users=(first,),
        growth=Growth({"lmax": 0, "channels": 2}),
    )


EVERY = exact("rotation", "inversion", "translation", "permutation")

CLAIMED = _operation(
    "egat_layer",
    "EGAT layer",
    "attention by bonds and distances, and positions moved along their differences",
    _squares,
    EVERY,
    ("schwehr2024", "brody2022"),
)

RELEASED = _operation(
    "egat_released_layer",
    "EGAT layer, as released",
    "attention by bonds and components of differences, which are no invariants",
    _apart,
    exact("translation", "permutation"),
    ("schwehr2024", "brody2022"),
)

GRAPH = _operation(
    "gatv2_layer",
    "GATv2 layer",
    "attention to neighbours on a graph alone, by invariants of nodes and edges",
    None,
    EVERY,
    ("brody2022", "schwehr2024"),
)
