r"""Graph attention of EquiformerV2 [@liao2024]: SO(2) maps, an activation on the sphere, a softmax.

    x'[i]    = (R_im(|v|) + c_im) D x_i    i over the items of x[src], then of x[dst]
    s        = h1 x'                       an SO(2) map to the irreps of nodes and five invariants
    y[l]     = int Y_l silu(sum_l' s_l' Y_l') dOmega     for l > 0, on a grid, in the frame
    y[0]     = silu(s_gate)                of the last invariant: the activation is separable
    a[e, h]  = <w_h, leaky(LN(s_h))>       of the other four, 4 C numbers in heads
    alpha    = exp(a[e, h]) over its sum over the edges into dst[e]
    z[n]     = O sum over (e with dst[e] = n) of alpha[e] D^T h2 y

with the frames, maps and radial functions of `impls.layers.edge_maps`, orthonormal harmonics, up to
eight heads of channels side by side, and O a linear map of channels (`impls.layers.mixing`). LN is
a layer norm within each head, with a gain and an offset that heads share: the re-normalisation of
attention. leaky(a) = 0.2 a + 0.8 silu(a).

The grid is that of `grid_nonlinearity`: `resolution` R rings and 2R azimuths about the edge. What
is left of rotations in the frame of an edge are turns about it, and of these the grid has 2R; R is
any number of rings, which no turn moves. So **rotations are broken by the azimuths alone**, and the
less the more of them there are beside m_max: the error falls with R as fast as orders above
2R - m_max do in silu of a wave. It is not claimed but by this knob. The 9 rings that are usual have
the 18 azimuths that are published.

So the map depends on how D turns about the edge, which nothing else sees: D is the smallest turn of
the edge to the axis, after one by pi about x where the edge points below. (The released code turns
each edge at random, and answers anew at each call.)

As published but for constants, which belong to how weights are drawn; hidden features have as many
channels as those of nodes (half as many there), linear maps have no offset, rings are those of
Gauss and Legendre (as many equidistant ones there as azimuths); radial functions are of Bessel
functions without the chemical elements. Nothing goes to zero at the cutoff: an edge comes into
sight as a jump. Norm, residual and feed-forward layer are operations of their own (`layer_norm`,
`grid_mlp`).

Inversion is not kept (see `escn`). The layer answers questions of one function for each channel,
degree 0 among its degrees, that ask for all harmonics of the edge that a linear map has (setting
full). Cost: O(L^3 C^2) in the maps of each edge, O(L^3 C) in the rotations and, in separable
stages, on the grid, and O(L^2 C) times the neurons of R.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.points import channels_of, irreps_of, node_space
from impls.growth import Growth
from impls.inputs.named import counts_of
from impls.layers import edge_maps
from impls.layers.edge_maps import Numbers, functions_of
from impls.layers.mixing import Mixing
from impls.layers.radial import matrix
from impls.operation import Knob, Operation, SymmetryClaim, exact
from impls.points.circle import feature_of, numbers_of
from impls.points.escn.operation import M_MAX
from impls.pointwise.activations import activate, leaky, softmax_of_groups
from impls.pointwise.grid_nonlinearity.operation import harmonics_on
from impls.problem import BYTES, Problem, Refusal
from impls.spaces import Array, Arrays, Space

ORDER = 5
"""Of the envelope of radial functions."""
HEADS = 8
"""The most heads, as published."""
READ = 4
"""Invariants a channel that attention reads: 64 for each of 8 heads of 128 channels."""
EPSILON = 1e-5
"""What is added to variances, so that nothing is divided by zero."""


def _lmax(problem: Problem) -> int:
    return irreps_of(problem)[0].lmax


def _published(problem: Problem) -> int:
    return max(_lmax(problem) + 1, 9)


def _rings(problem: Problem) -> tuple[int, ...]:
    least, usual = _lmax(problem) + 1, _published(problem)
    return tuple(sorted({least, 2 * least, usual, 2 * usual}))


RESOLUTION = Knob("resolution", _published, _rings)
"""The rings, half as many as azimuths: 9, and at least L + 1, unless said otherwise."""


def rings_of(problem: Problem) -> int:
    """Return R."""
    rings: int = RESOLUTION.of(problem)
    return rings


def heads_of(problem: Problem) -> int:
    """Return the number of heads: the most up to HEADS that divide the channels."""
    channels = channels_of(problem)
    return max(heads for heads in range(1, HEADS + 1) if channels % heads == 0)


def scalar_of(problem: Problem) -> int:
    """Return the item of the hidden features that is the scalar."""
    return [ir.l for _, ir in irreps_of(problem)[0]].index(0)


def output_of(problem: Problem) -> Mixing:
    """Return O."""
    out = irreps_of(problem)[2]
    return Mixing("O", out, out)


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, irreps_of(problem)[2])}


def _weights(problem: Problem) -> Mapping[str, Space]:
    channels, heads = channels_of(problem), heads_of(problem)
    each = READ * channels // heads
    return {
        **edge_maps.weights_of(problem, READ + 1, ORDER, 1.0),
        "gain": Space((each,)),
        "offset": Space((each,)),
        "w": matrix((heads, each), each),
        **output_of(problem).weights(channels),
    }


def _attention(problem: Problem, s: Array, weights: Arrays, receivers: Array) -> Array:
    """Return alpha [edges, heads] of the invariants s [edges, READ channels]."""
    found = np.empty((len(s), heads_of(problem)))
    for head, own in enumerate(np.split(s, heads_of(problem), axis=1)):
        centred = own - own.mean(axis=1, keepdims=True)
        scale = np.sqrt((centred**2).mean(axis=1, keepdims=True) + EPSILON)
        normed = weights["gain"] * centred / scale + weights["offset"]
        found[:, head] = leaky(normed) @ weights["w"][head]
    return softmax_of_groups(found, receivers)


def _activated(problem: Problem, s: Numbers) -> Numbers:
    """Return y of s, a ring of points at a time."""
    node, rings = functions_of(irreps_of(problem)[0]), rings_of(problem)
    x = feature_of(node, {place: c for place, c in s.items() if place[0] < len(node)})
    every, quadrature = harmonics_on(tuple(ir.l for _, ir in node), rings)
    y = np.zeros(x.shape)
    for ring in np.split(np.arange(len(every)), rings):
        values = activate("silu", x @ every[ring].T)
        y += (values * quadrature[ring]) @ every[ring]
    gate = activate("silu", s[len(node) + READ, 0].real)
    return numbers_of(node, y) | {(scalar_of(problem), 0): gate + 0j}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    turns = edge_maps.smallest_turns(inputs["v"])
    s = edge_maps.hidden(problem, READ + 1, ORDER, inputs, weights, turns)
    sent = edge_maps.mapped(edge_maps.second_of(problem), _activated(problem, s), weights["h2"])
    first, channels = len(irreps_of(problem)[0]), channels_of(problem)
    read = np.concatenate([s[first + n, 0].real for n in range(READ)], axis=1)
    alpha = _attention(problem, read, weights, inputs["dst"])
    wide = np.repeat(alpha, channels // heads_of(problem), axis=1)
    z = edge_maps.summed(problem, sent, wide, inputs, turns)
    return {"z": output_of(problem).oracle(z, weights)}


def _supports(problem: Problem) -> Refusal | None:
    refusal = edge_maps.no_maps(problem)
    if refusal:
        return refusal
    node, rings = irreps_of(problem)[0], RESOLUTION.of(problem)
    found = [ir.l for _, ir in node]
    if len(set(found)) < len(found) or 0 not in found:
        return Refusal(
            f"irreps_node={node}: not one function on the sphere with its mean",
            "ask for each degree once, 0 among them",
        )
    if isinstance(rings, bool) or not isinstance(rings, int):
        return Refusal(f"knob resolution={rings!r} is not an integer", "use a number of rings")
    if rings <= node.lmax:
        return Refusal(
            f"resolution={rings}: degree {node.lmax} needs at least {node.lmax + 1} rings"
        )
    return None


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count the maps, the grid in separable stages, attention, its softmax, and O at nodes."""
    (nodes, edges), channels = counts_of(problem), channels_of(problem)
    node, _, out = irreps_of(problem)
    rings, top = rings_of(problem), edge_maps.top_of(problem)
    rows = sum(2 * min(ir.l, top) + 1 for _, ir in node)
    azimuths = 2 * rings
    stages = 4 * rings * (rows + (2 * top + 1) * azimuths)
    attention = 25 * READ * channels + 15 * heads_of(problem)
    each = edge_maps.flops_of(problem, READ + 1, ORDER) + attention
    each += channels * (stages + 10 * rings * azimuths + 10 + out.dim)
    mixing = output_of(problem)
    numbers = edge_maps.numbers_moved(problem, READ + 1, ORDER) + mixing.numbers(channels)
    return {
        "flops": edges * each + float(nodes * mixing.flops(channels)),
        "bytes": numbers * BYTES[problem.dtype] + 2.0 * edges * 8,
    }


OPERATION = Operation(
    name="equiformer_v2_layer",
    title="EquiformerV2 attention",
    family="points",
    summary="SO(2) maps of edges, an activation on a grid between, attention over neighbours",
    papers=("liao2024", "passaro2023"),
    claims=(
        *exact("translation", "permutation"),
        SymmetryClaim("rotation", "by_knob", "resolution"),
    ),
    reads=("x", "v", "src", "dst"),
    knobs=(M_MAX, RESOLUTION),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    users=("liao2024",),
    growth=Growth({"lmax": 3, "channels": 2}),
)
