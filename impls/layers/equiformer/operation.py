r"""Graph attention of Equiformer [@liao2023]: channelwise products of edges, a gate, a softmax.

    x[e]       = A x[dst[e]] + B x[src[e]]
    p[e, path] = R_path(|v[e]|) CG_path(x[e], Y(v[e]))       depth-wise: channel by channel
    a[e, h]    = <w_h, leaky(S p[e])_h>                      of C invariants, in heads
    alpha[e]   = exp(a[e]) over its sum over the edges into dst[e]
    y[e]       = gate(M p[e])                                features as those of nodes
    u[e, path] = c_path CG_path(y[e], Y(v[e]))               by weights that all edges share
    z[n]       = O sum over (e with dst[e] = n) of alpha[e] V u[e]

with up to four heads of channels side by side. A, B, S, M, V and O mix channels, and S, M and V
paths too (`impls.layers.mixing`), R are radial functions of each path and channel
(`impls.layers.radial`, envelope of order 5), CG_path and Y those of `channelwise`, gates those of
`impls.layers.gating`, and leaky(a) = 0.2 a + 0.8 silu(a). The scores are made by a perceptron of
what both ends and the edge say, not by products of queries and keys.

As published but for constants, which belong to how weights are drawn; channels are equally many in
all irreps, linear maps have no offset, and radial functions go to zero at the cutoff. The softmax
does not: an edge comes into sight with a weight, as a jump. Norm, residual and feed-forward layer
are operations of their own (`layer_norm`, `gate`).

Equivariant under rotations and inversion. Cost: two products of O(L^5 C) and mixings of
O(L^4 C^2), all of edges, and O(L^3 C) times the neurons of R: `nequip_layer` mixes at nodes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.feature import invariant
from impls.families.points import channels_of, irreps_of, node_space
from impls.growth import Growth
from impls.inputs.named import counts_of
from impls.layers import gating, radial
from impls.layers.features import no_layer, scalar, with_invariants
from impls.layers.gating import Gated
from impls.layers.mixing import Mixing
from impls.layers.radial import Radial, matrix
from impls.operation import Operation, exact
from impls.points.convolution.operation import CHANNELWISE, edge_flops, paths_of
from impls.pointwise.activations import leaky, softmax_of_groups
from impls.problem import BYTES, Problem, Refusal
from impls.products.paths import output_irreps
from impls.so3.irreps import Irreps
from impls.spaces import Array, Arrays, Space

ORDER = 5
"""Of the envelope of radial functions."""
HEADS = 4
"""The most heads, as published."""


def heads_of(problem: Problem) -> int:
    """Return the number of heads: the most up to HEADS that divide the channels."""
    channels = channels_of(problem)
    return max(heads for heads in range(1, HEADS + 1) if channels % heads == 0)


def first_of(problem: Problem) -> Problem:
    """Return the question of the first product: to features as those of nodes, and invariants."""
    return with_invariants(problem.with_sizes(irreps_out=str(irreps_of(problem)[0])))


def gated_of(problem: Problem) -> Gated:
    """Return the gates of y."""
    return Gated(irreps_of(problem)[0])


def mixings_of(problem: Problem) -> dict[str, Mixing]:
    """Return A, B, S, M, V and O by name."""
    node, _, out = irreps_of(problem)
    read = Irreps(((1, scalar(problem)),))
    first, second = (output_irreps(paths_of(p)) for p in (first_of(problem), problem))
    ends = {
        "A": (node, node),
        "B": (node, node),
        "S": (first, read),
        "M": (first, gated_of(problem).every),
        "V": (second, out),
        "O": (out, out),
    }
    return {name: Mixing(name, *both) for name, both in ends.items()}


def radial_of(problem: Problem) -> Radial:
    """Return the radial functions, one for each path of the first product and channel."""
    return Radial(len(paths_of(first_of(problem))) * channels_of(problem), ORDER)


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, irreps_of(problem)[2])}


def _weights(problem: Problem) -> Mapping[str, Space]:
    channels, heads = channels_of(problem), heads_of(problem)
    found = dict(radial_of(problem).weights())
    for name, mixing in mixings_of(problem).items():
        found |= mixing.weights(channels, 2.0 if name in "AB" else 1.0)
    return {
        **found,
        "w": matrix((heads, channels // heads), channels / heads),
        "c": Space((len(paths_of(problem)), channels)),
    }


def product(problem: Problem, x: Array, v: Array, w: Array) -> Array:
    """Return all paths [edges, channels, dim] of features of edges, in float64.

    x [edges, channels, dim], vectors v [edges, 3] and weights w [edges, paths, channels]: a
    convolution that sends each edge to itself.
    """
    own = np.arange(len(v))
    inputs = {"x": x, "v": v, "src": own, "dst": own}
    return CHANNELWISE.oracle(problem, inputs, {"w": w})["z"]


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    mixings, first = mixings_of(problem), first_of(problem)
    x, v, src, dst = (inputs[name] for name in ("x", "v", "src", "dst"))
    channels, heads = channels_of(problem), heads_of(problem)
    sent = mixings["A"].oracle(x, weights)[dst] + mixings["B"].oracle(x, weights)[src]
    shape = -1, len(paths_of(first)), channels
    r = radial.oracle(radial_of(problem), problem, inputs, weights).reshape(shape)
    p = product(first, sent, v, r)

    read = leaky(mixings["S"].oracle(p, weights)[..., 0])
    scores = np.stack(
        [own @ w for own, w in zip(np.split(read, heads, axis=1), weights["w"], strict=True)],
        axis=1,
    )
    alpha = np.repeat(softmax_of_groups(scores, dst), channels // heads, axis=1)

    y = gating.oracle(gated_of(problem), mixings["M"].oracle(p, weights))
    every = np.broadcast_to(weights["c"], (len(v), *weights["c"].shape))
    value = mixings["V"].oracle(product(problem, y, v, every), weights)
    z = np.zeros((*x.shape[:2], value.shape[2]))
    np.add.at(z, dst, alpha[..., None] * value)
    return {"z": mixings["O"].oracle(z, weights)}


def _supports(problem: Problem) -> Refusal | None:
    refusal = no_layer(problem) or CHANNELWISE.supports(problem)
    if refusal:
        return refusal
    node, edge, _ = irreps_of(problem)
    first = paths_of(first_of(problem))
    if not any(invariant(path.ir3) for path in first):
        return Refusal(
            f"no path of {node} x {edge} ends in an invariant: attention has nothing to read",
            "ask for features that couple to one",
        )
    mixings = mixings_of(problem)
    for name in ("M", "V"):
        mixing = mixings[name]
        missing = set(range(len(mixing.out))) - mixing.reached
        if missing:
            irreps = dict.fromkeys(str(mixing.out.items[i][1]) for i in sorted(missing))
            return Refusal(
                f"identically zero: no path of {node} x {edge} ends in {' or '.join(irreps)}",
                "ask for other output irreps, and harmonics with 0e",
            )
    return None


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count products, radial functions, mixings, gates and attention of edges, A, B, O of nodes."""
    channels, (nodes, edges) = channels_of(problem), counts_of(problem)
    mixings, first, functions = mixings_of(problem), first_of(problem), radial_of(problem)
    node, _, out = irreps_of(problem)
    products = edge_flops(first) + edge_flops(problem)
    scaled = sum(output_irreps(paths_of(asked)).dim for asked in (first, problem))
    of_edges = sum(mixings[name].flops(channels) for name in "SMV")
    attention = 14 * channels + 15 * heads_of(problem)
    gates = gated_of(problem).flops(node.dim)
    each = functions.flops + products + of_edges + attention
    each += channels * (scaled + node.dim + gates + 2 * out.dim)
    of_nodes = sum(mixings[name].flops(channels) for name in "ABO")
    numbers = nodes * channels * (node.dim + out.dim) + 3 * edges + functions.numbers
    numbers += sum(mixing.numbers(channels) for mixing in mixings.values())
    numbers += (len(paths_of(problem)) + 1) * channels
    return {
        "flops": edges * each + float(nodes * of_nodes),
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


OPERATION = Operation(
    name="equiformer_layer",
    title="Equiformer attention",
    family="points",
    summary="channelwise products of edges with a gate between, attention over neighbours",
    papers=("liao2023",),
    claims=exact("rotation", "inversion", "translation", "permutation"),
    reads=("x", "v", "src", "dst"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    users=("liao2023",),
    growth=Growth({"lmax": 5, "channels": 2}),
)
