r"""SO3krates layer: attention by invariants moves features, and one vector of each degree.

A node has F invariants f, and Euclidean variables x: one vector x_l of each degree l = 1 .. L, also
called spherical harmonic coordinates [@frank2022] [@frank2024]. For edges i <- j, heads of features
h and one head for each degree,

    w_ij     = R(e(|r_ij|)) + S(inv(x_j - x_i)),     inv(x)_l = |x_l|^2 / sqrt(2l + 1)
    alpha_ij = c(|r_ij|) (silu(Q f_i) . (w_ij * silu(K f_j))) / sqrt(width),    head by head
    f_i   <- f_i   + sum_j alpha_ij^h (V f_j)^h
    x_il  <- x_il  + sum_j alpha_ij^l Y_l(r_ij / |r_ij|)

and then an exchange at each node, one linear map with a bias of invariants,

    (a, b)_i = E (f_i, inv(x_i)),     f_i <- f_i + a_i,     x_il <- x_il + b_il x_il.

R and S are perceptrons of two linear maps with silu between, F -> F and F/4 -> F (4 at least), of
32 functions of the distance and of L invariants. There are two of each, and of Q and K, for
features and for degrees: F is split into heads of equal `width`, which Q, K and V map each to
itself. The functions are e_k(r) = exp(-((exp(-r) - mu_k) / s)^2), mu_k even from exp(-r_c) to 1 and
s = 2 (1 - exp(-r_c)) / 32 [@unke2019]; c(r) = (1 + cos(pi r / r_c)) / 2 up to the cutoff r_c of the
graph and 0 beyond, so that an edge comes into sight with one derivative zero. Attention is not
normalised: there is no softmax, and alpha has any sign.

No irrep meets another: vectors enter through their lengths alone, and a vector of degree l is a sum
of harmonics of degree l, and itself, with invariant weights. So a layer is even under inversion in
whatever it knows of x, and a node whose vectors were zero knows of its neighbours their distances
and the angles of pairs of them, no more.

inv is the Clebsch-Gordan product to degree 0, of unit norm. As published but for constants: Y is
"component" normalised. Residual perceptrons and layer norms, options of the code, are left out.

It answers questions of some copies of 0e and then one irrep of each degree, the same in and out,
along the harmonics of these degrees. The paper has one channel: 132 invariants are copies of 0e.
With C channels there are C copies of x, each with a head of its own, and F counts all copies of 0e.
The knob `heads` is the number of heads of features, 4 as published, or fewer where F has no 4.

Cost: O(F^2 + L^2) for each edge, O(F^2) for each node; products of irreps take O(L^5 F).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.feature import invariant
from impls.families.points import channels_of, edge_harmonics, has_vectors, irreps_of, node_space
from impls.growth import Growth
from impls.inputs.named import counts_of, cutoff_of
from impls.layers.perceptron import Perceptron, oracle
from impls.layers.radial import lengths_of, matrix
from impls.operation import Knob, Operation, exact
from impls.pointwise.activations import activate
from impls.problem import BYTES, Problem, Refusal
from impls.so3.irreps import Irreps
from impls.spaces import Array, Arrays, Space

BASIS = 32
"""The number of functions of the distance."""
NARROWEST = 4
"""The least number of neurons that see invariants of pairs."""
WIDEST = 8
"""The largest number of heads of features in a sweep."""


def copies_of(irreps: Irreps) -> int:
    """Return how many invariants a channel begins with."""
    kinds = [invariant(ir) for _, ir in irreps]
    return kinds.index(False) if False in kinds else len(kinds)


def variables_of(problem: Problem) -> Irreps:
    """Return the irreps of x, in one channel."""
    node = irreps_of(problem)[0]
    return Irreps(node.items[copies_of(node) :])


def features_of(problem: Problem) -> int:
    """Return F, the number of invariants of a node."""
    return channels_of(problem) * copies_of(irreps_of(problem)[0])


def vectors_of(problem: Problem) -> int:
    """Return how many vectors a node has: one for each degree and channel."""
    return channels_of(problem) * len(variables_of(problem))


def _dividing(problem: Problem) -> tuple[int, ...]:
    return tuple(n for n in range(1, WIDEST + 1) if features_of(problem) % n == 0)


HEADS = Knob("heads", lambda problem: max(n for n in _dividing(problem) if n <= 4), _dividing)
"""How many heads F is split into."""


def heads_of(problem: Problem) -> tuple[int, int]:
    """Return how many heads are of features, and how many of vectors."""
    return HEADS.of(problem), vectors_of(problem)


def squares_of(problem: Problem) -> int:
    """Return the expected sum of the squares of inv(x) for x of variance two, all of one node."""
    variables = variables_of(problem)
    return 4 * channels_of(problem) * (variables.dim + 2 * len(variables))


def perceptrons_of(problem: Problem) -> tuple[tuple[Perceptron, Perceptron], ...]:
    """Return (R, S) of features, and of vectors."""
    f, vectors = features_of(problem), vectors_of(problem)
    return tuple(
        (
            Perceptron(f"R{n}", (BASIS, f, f), terms=2),  # each distance is near two of the basis
            Perceptron(f"S{n}", (vectors, max(f // 4, NARROWEST), f), terms=squares_of(problem)),
        )
        for n in (1, 2)
    )


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, irreps_of(problem)[2])}


def _weights(problem: Problem) -> Mapping[str, Space]:
    f, vectors, found = features_of(problem), vectors_of(problem), dict[str, Space]()
    for n, heads in enumerate(heads_of(problem), start=1):
        width = f // heads
        found |= {f"{name}{n}": matrix((heads, width, width), width) for name in ("Q", "K")}
    heads, width = HEADS.of(problem), f // HEADS.of(problem)
    found["V"] = matrix((heads, width, width), width)
    for pair in perceptrons_of(problem):
        for perceptron in pair:
            found |= perceptron.weights()
    both = f + vectors
    return {**found, "E": matrix((both, both), f + squares_of(problem)), "b": Space((both,))}


def basis(problem: Problem, r: Array) -> Array:
    """Return e_k(r) [edges, BASIS] of lengths r [edges], in float64."""
    last = np.exp(-cutoff_of(problem))
    centres, width = np.linspace(last, 1, BASIS), 2 * (1 - last) / BASIS
    return np.exp(-(((np.exp(-r)[:, None] - centres) / width) ** 2))


def invariants(problem: Problem, x: Array) -> Array:
    """Return inv(x) [n, vectors] of x [n, channels, dim], in float64."""
    variables = variables_of(problem)
    found = [
        np.einsum("nci,nci->nc", x[..., part], x[..., part]) / np.sqrt(ir.dim)
        for (_, ir), part in zip(variables, variables.slices(), strict=True)
    ]
    return np.stack(found, axis=-1).reshape(len(x), vectors_of(problem))


def _attention(problem: Problem, f: Array, edges: Arrays, weights: Arrays, n: int) -> Array:
    """Return alpha [edges, heads] of features (n = 1) or degrees (2), before the cutoff."""
    heads, (radial, spherical) = heads_of(problem)[n - 1], perceptrons_of(problem)[n - 1]
    w = oracle(radial, edges["e"], weights) + oracle(spherical, edges["inv"], weights)
    width, alpha = f.shape[1] // heads, []
    for h in range(heads):
        part = slice(h * width, (h + 1) * width)
        q = activate("silu", f[:, part] @ weights[f"Q{n}"][h])[edges["dst"]]
        k = activate("silu", f[:, part] @ weights[f"K{n}"][h])[edges["src"]]
        alpha.append((q * w[:, part] * k).sum(axis=1) / np.sqrt(width))
    return np.stack(alpha, axis=1)


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Follow the formula: attention to features and to vectors, then the exchange."""
    c, copies = channels_of(problem), copies_of(irreps_of(problem)[0])
    variables, cutoff = variables_of(problem), cutoff_of(problem)
    src, dst, r = inputs["src"], inputs["dst"], lengths_of(inputs)
    f, x = inputs["x"][..., :copies].reshape(len(inputs["x"]), -1), inputs["x"][..., copies:].copy()
    seen = {"e": basis(problem, r), "inv": invariants(problem, x[src] - x[dst])}
    within = np.where(r < cutoff, (1 + np.cos(np.pi * r / cutoff)) / 2, 0.0)[:, None]
    alpha, of_degrees = (
        within * _attention(problem, f, {**inputs, **seen}, weights, n) for n in (1, 2)
    )

    heads = len(weights["V"])
    values = np.einsum("nhi,hij->nhj", f.reshape(len(f), heads, -1), weights["V"])[src]
    sent, f = np.einsum("eh,ehj->ehj", alpha, values), f.copy()
    np.add.at(f, dst, sent.reshape(len(src), f.shape[1]))
    edge, sh = irreps_of(problem)[1], edge_harmonics(problem, inputs)
    harmonics = {ir: sh[:, part] for (_, ir), part in zip(edge, edge.slices(), strict=True)}
    of_degrees = of_degrees.reshape(len(src), c, len(variables))
    for n, ((_, ir), part) in enumerate(zip(variables, variables.slices(), strict=True)):
        np.add.at(x[..., part], dst, np.einsum("ec,ei->eci", of_degrees[..., n], harmonics[ir]))

    known = np.concatenate([f, invariants(problem, x)], axis=1) @ weights["E"] + weights["b"]
    f, scales = f + known[:, : f.shape[1]], known[:, f.shape[1] :].reshape(len(x), c, -1)
    for n, part in enumerate(variables.slices()):
        x[..., part] *= 1 + scales[..., n, None]
    return {"z": np.concatenate([f.reshape(len(f), c, copies), x], axis=-1)}


def _supports(problem: Problem) -> Refusal | None:
    node, edge, out = irreps_of(problem)
    copies, variables = copies_of(node), variables_of(problem)
    along = Irreps(tuple(item for item in edge if not invariant(item[1])))
    if out != node or not copies or not len(variables) or along != variables:
        return Refusal(
            f"{node} | {edge} | {out}: SO3krates has invariants, then one vector of each degree",
            "ask for copies of 0e and then 1o, 2e .. of nodes and outputs, and edges 0e+1o+2e ..",
        )
    if not has_vectors(problem):
        return Refusal(
            "harmonics of edges are given: attention needs lengths", "ask with given=vectors"
        )
    if copies % len(variables):
        return Refusal(
            f"{copies} invariants a channel are not {len(variables)} heads, one for each degree",
            "ask for a multiple of the degrees",
        )
    if features_of(problem) % HEADS.of(problem):
        return Refusal(
            f"knob heads={HEADS.of(problem)}: {features_of(problem)} features are no such heads",
            "give a divisor",
        )
    return None


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count Q, K, V and the exchange a node, filters, products, harmonics and sums an edge."""
    (nodes, edges), f, vectors = counts_of(problem), features_of(problem), vectors_of(problem)
    c, dim, both = channels_of(problem), variables_of(problem).dim, features_of(problem) + vectors
    filters = [each for pair in perceptrons_of(problem) for each in pair]
    projected = sum(4 * f * (f // heads) + 20 * f for heads in heads_of(problem))
    projected += 2 * f * (f // HEADS.of(problem))
    of_edge = 14 * BASIS + 30 + sum(each.flops for each in filters) + 2 * f  # R and S are summed
    of_edge += 2 * 3 * f + 2 * f + 3 * c * dim + 2 * c * dim + 3 * dim
    of_node = projected + 2 * c * dim + 2 * both * both + 2 * both + 2 * c * dim
    maps = sum(2 * f * (f // heads) for heads in heads_of(problem)) + f * (f // HEADS.of(problem))
    numbers = 2 * nodes * (f + c * dim) + 3 * edges + sum(each.numbers for each in filters)
    numbers += maps + both * (both + 1)
    return {
        "flops": float(edges * of_edge + nodes * of_node),
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


OPERATION = Operation(
    name="so3krates_layer",
    title="SO3krates layer",
    family="points",
    summary="attention by invariants, to features and to one vector of each degree; none meet",
    papers=("frank2024", "frank2022"),
    claims=exact("rotation", "inversion", "translation", "permutation"),
    reads=("x", "v", "src", "dst"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    knobs=(HEADS,),
    users=("frank2024", "frank2022"),
    growth=Growth({"lmax": 2, "channels": 2}),
)
