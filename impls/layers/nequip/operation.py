r"""Interaction layer of NequIP [@batzner2022]: linear, convolution, linear, self-connection, gate.

    h[n]       = A x[n]
    m[n, path] = sum_{e: dst[e] = n} R_path(|v[e]|) CG_path(h[src[e]], Y(v[e]))
    s[n]       = B m[n] + D x[n]
    z[n, l]    = phi(s[n, l])           for scalars,
                 silu(g[n, l]) s[n, l]  for all other irreps l

A, B and D mix the channels of each irrep (`impls.layers.mixing`), R are the radial functions of
each path and channel (`impls.layers.radial`, envelope of order 6), CG_path and Y those of
`channelwise`. B and D give, beside the irreps asked for, one invariant a channel for each irrep
that is no scalar: its gate g. phi is silu for invariants, and for pseudoscalars 0o tanh, which is
odd.

As published but for constants: the factor 1 / sqrt(neighbours) of the sum, those of e3nn's linear
maps and of its normalised activations belong to how weights are drawn; D would depend on the
chemical element, and here all nodes are of one. Channels are equally many in all irreps.

An edge comes into sight at the cutoff with three derivatives zero. Cost: O(L^5 C) for each
edge, and O(L^3 C) times the neurons of R, and O(L^4 C^2) for each node.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.feature import invariant
from impls.families.points import channels_of, irreps_of, node_space
from impls.growth import Growth
from impls.inputs.named import counts_of
from impls.layers import radial
from impls.layers.features import no_layer, scalar, with_invariants
from impls.layers.mixing import Mixing
from impls.layers.radial import Radial
from impls.operation import Operation, exact
from impls.points.convolution.operation import CHANNELWISE, edge_flops, paths_of
from impls.pointwise.activations import activate
from impls.problem import BYTES, Problem, Refusal
from impls.products.paths import output_irreps
from impls.so3.irreps import Irreps
from impls.spaces import Array, Arrays, Space

ORDER = 6
"""Of the envelope, as published."""


def gated_of(problem: Problem) -> tuple[int, ...]:
    """Return the items of the output that have a gate: all that are no scalars."""
    return tuple(i for i, (_, ir) in enumerate(irreps_of(problem)[2]) if ir.l > 0)


def convolution_of(problem: Problem) -> Problem:
    """Return the convolution inside, which has invariants for gates where there are any."""
    return with_invariants(problem) if gated_of(problem) else problem


def mixings_of(problem: Problem) -> tuple[Mixing, Mixing, Mixing]:
    """Return A, B and D; the items of what B and D give are the outputs, then their gates."""
    node, _, out = irreps_of(problem)
    gates = ((1, scalar(problem)),) * len(gated_of(problem))
    every, paths = Irreps((*out.items, *gates)), paths_of(convolution_of(problem))
    return (
        Mixing("A", node, node),
        Mixing("B", output_irreps(paths), every),
        Mixing("D", node, every),
    )


def radial_of(problem: Problem) -> Radial:
    """Return the radial functions, one for each path and channel."""
    return Radial(len(paths_of(convolution_of(problem))) * channels_of(problem), ORDER)


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, irreps_of(problem)[2])}


def _weights(problem: Problem) -> Mapping[str, Space]:
    before, after, own = mixings_of(problem)
    channels, (nodes, edges) = channels_of(problem), counts_of(problem)
    return {
        **before.weights(channels),
        **radial_of(problem).weights(),
        **after.weights(channels, max(edges / nodes, 1.0)),
        **own.weights(channels),
    }


def gate(problem: Problem, s: Array) -> Array:
    """Return z [n, channels, dim] of s, which has the gates behind the outputs, in float64."""
    out, gated = irreps_of(problem)[2], gated_of(problem)
    z = np.empty((*s.shape[:2], out.dim))
    for i, ((_, ir), part) in enumerate(zip(out, out.slices(), strict=True)):
        if i in gated:
            opened = activate("silu", s[..., out.dim + gated.index(i)])
            z[..., part] = opened[..., None] * s[..., part]
        else:
            z[..., part] = activate("silu" if invariant(ir) else "tanh", s[..., part])
    return z


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    before, after, own = mixings_of(problem)
    convolution, x = convolution_of(problem), inputs["x"]
    shape = -1, len(paths_of(convolution)), channels_of(problem)
    w = radial.oracle(radial_of(problem), problem, inputs, weights).reshape(shape)
    sent = {**inputs, "x": before.oracle(x, weights)}
    m = CHANNELWISE.oracle(convolution, sent, {"w": w})["z"]
    return {"z": gate(problem, after.oracle(m, weights) + own.oracle(x, weights))}


def _supports(problem: Problem) -> Refusal | None:
    refusal = no_layer(problem) or CHANNELWISE.supports(convolution_of(problem))
    if refusal:
        return refusal
    _, after, own = mixings_of(problem)
    missing = set(range(len(after.out))) - after.reached - own.reached
    if not missing:
        return None
    irreps = dict.fromkeys(str(after.out.items[i][1]) for i in sorted(missing))
    return Refusal(
        f"identically zero: no path and no feature of a node is {' or '.join(irreps)}",
        "ask for other output irreps, or for features that couple to an invariant",
    )


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count the convolution, its radial functions, and the mixings of nodes."""
    channels, (nodes, edges) = channels_of(problem), counts_of(problem)
    convolution, mixings, functions = (
        convolution_of(problem),
        mixings_of(problem),
        radial_of(problem),
    )
    summed = output_irreps(paths_of(convolution)).dim
    edge = edge_flops(convolution) + channels * summed + functions.flops
    node, _, out = irreps_of(problem)
    numbers = nodes * channels * (node.dim + out.dim) + 3 * edges + functions.numbers
    numbers += sum(mixing.numbers(channels) for mixing in mixings)
    return {
        "flops": edges * edge + float(nodes * sum(mixing.flops(channels) for mixing in mixings)),
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


OPERATION = Operation(
    name="nequip_layer",
    title="NequIP interaction",
    family="points",
    summary="linear, channelwise convolution with radial functions, linear, self-connection, gate",
    papers=("batzner2022",),
    claims=exact("rotation", "inversion", "translation", "permutation"),
    reads=("x", "v", "src", "dst"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    users=("batzner2022", "park2024"),
    growth=Growth({"lmax": 5, "channels": 2}),
)
