r"""Layer of Facet [@miklaucic2025]: convolution with splines, then a node mixer on the sphere.

    h[n]       = A x[n]
    m[n, path] = sum_{e: dst[e] = n} S_path(|v[e]|) CG_path(h[src[e]], Y(v[e]))
    s[n]       = B m[n] + D x[n]
    g[n]       = grid MLP of s[n]
    z[n]       = P (g[n], s_0[n])

A, B, D and P mix the channels of each irrep (`impls.layers.mixing`), S are splines of each path and
channel (`impls.layers.splines`), CG_path and Y those of `channelwise`. s has every degree of the
output in equally many channels, so that each channel is a function on the sphere, of which the MLP
of `grid_mlp` takes the values: G1 and G2 are its weights. P takes its result and, once more, the
scalars of s. The knob `resolution` is the number R of rings.

Two operations differ in the paths that they take:

    facet_layer            those that inversion allows
    facet_released_layer   all that rotations allow, as if vectors of edges were even

In the released code edges are 1e and functions on the sphere are even, so that cross products
count as vectors: what is asked here, a layer of vectors that are vectors, it is for SE(3) alone.
The node mixer is not what breaks the mirror. On features of natural parity it commutes with n -> -n
as `grid_mlp` does, on grids with an even number of azimuths; the released one has 15.

Of the layer the paper gives the two ideas; the rest is as in `nequip_layer`, whose gate the mixer
replaces. As there, all nodes are of one element, and constants belong to how weights are drawn.
The MLP has one head and one hidden layer, the grid is that of `grid_mlp`. An edge comes into sight
at the cutoff with two derivatives zero; the third derivative of S jumps at its knots, which second
gradients cannot be judged near.

Rotations are approximate, by the grid. Cost: O(L^5 C) for each edge, without a network, and
O(L^4 C^2 + L R^2 C + R^2 C^2) for each node.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from impls.families import feature
from impls.families.feature import invariant
from impls.families.points import IRREPS, channels_of, irreps_of, node_space
from impls.growth import Growth
from impls.inputs.named import counts_of
from impls.layers import splines
from impls.layers.features import no_layer
from impls.layers.mixing import Mixing
from impls.layers.splines import Splines
from impls.operation import Knob, Operation, SymmetryClaim, exact
from impls.points.convolution.operation import CHANNELWISE, edge_flops, paths_of
from impls.pointwise.grid_mlp.operation import OPERATION as GRID_MLP
from impls.pointwise.grid_nonlinearity.operation import RESOLUTION as RINGS
from impls.problem import BYTES, Problem, Refusal, Scalar
from impls.products.paths import output_irreps
from impls.so3.irreps import Irrep, Irreps
from impls.spaces import Array, Arrays, Space


def _function_of(problem: Problem) -> Problem:
    """Return what is asked of the functions on the sphere: a pointwise layer, a node a sample."""
    channels, nodes = channels_of(problem), counts_of(problem)[0]
    asked = feature.layer(irreps_of(problem)[2], channels=channels, batch=nodes)
    return replace(asked, dtype=problem.dtype)


def _rings(problem: Problem) -> tuple[Scalar, ...]:
    return RINGS.values(_function_of(problem))


RESOLUTION = Knob("resolution", lambda problem: RINGS.default(_function_of(problem)), _rings)
"""The number of rings, as `grid_mlp` has it."""


def mixer_of(problem: Problem) -> Problem:
    """Return the question of the grid MLP, at its number of rings."""
    return _function_of(problem).at(resolution=RESOLUTION.of(problem))


def seen_of(parity: bool, problem: Problem) -> Problem:
    """Return the problem as a layer sees it: without `parity`, degrees only."""
    if parity:
        return problem
    degrees = (
        Irreps(tuple((count, Irrep(ir.l, 0)) for count, ir in irreps))
        for irreps in irreps_of(problem)
    )
    return problem.with_sizes(**dict(zip(IRREPS, map(str, degrees), strict=True)))


def mixings_of(seen: Problem) -> tuple[Mixing, Mixing, Mixing, Mixing]:
    """Return A, B, D and P."""
    node, _, out = irreps_of(seen)
    scalars = tuple(item for item in out.items if invariant(item[1]))
    return (
        Mixing("A", node, node),
        Mixing("B", output_irreps(paths_of(seen)), out),
        Mixing("D", node, out),
        Mixing("P", Irreps((*out.items, *scalars)), out),
    )


def splines_of(seen: Problem) -> Splines:
    """Return the radial functions, one for each path and channel."""
    return Splines(len(paths_of(seen)) * channels_of(seen))


def with_scalars(seen: Problem, g: Array, s: Array) -> Array:
    """Return what P takes [nodes, channels, dim] of g and s, both [nodes, channels, dim]."""
    out = irreps_of(seen)[2]
    scalars = [s[..., part] for part, (_, ir) in zip(out.slices(), out, strict=True) if ir.l == 0]
    return np.concatenate([g, *scalars], axis=-1)


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, irreps_of(problem)[2])}


def _weights(parity: bool, problem: Problem) -> Mapping[str, Space]:
    seen = seen_of(parity, problem)
    before, after, own, down = mixings_of(seen)
    channels, (nodes, edges) = channels_of(seen), counts_of(seen)
    mlp = GRID_MLP.weights(mixer_of(seen))
    return {
        **before.weights(channels),
        **splines_of(seen).weights(),
        **after.weights(channels, max(edges / nodes, 1.0)),
        **own.weights(channels),
        "G1": mlp["a"],
        "G2": mlp["b"],
        **down.weights(channels),
    }


def _oracle(parity: bool, problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    seen, x = seen_of(parity, problem), inputs["x"]
    before, after, own, down = mixings_of(seen)
    shape = -1, len(paths_of(seen)), channels_of(seen)
    w = splines.oracle(splines_of(seen), seen, inputs, weights).reshape(shape)
    sent = {**inputs, "x": before.oracle(x, weights)}
    m = CHANNELWISE.oracle(seen, sent, {"w": w})["z"]
    s = after.oracle(m, weights) + own.oracle(x, weights)
    mlp = {"a": weights["G1"], "b": weights["G2"]}
    g = GRID_MLP.oracle(mixer_of(seen), {"x": s}, mlp)["z"]
    return {"z": down.oracle(with_scalars(seen, g, s), weights)}


def _supports(parity: bool, problem: Problem) -> Refusal | None:
    if not parity and not irreps_of(problem)[0].parity:
        return Refusal("irreps without parity: there is none to disregard", "use facet_layer")
    seen = seen_of(parity, problem)
    refusal = no_layer(seen) or CHANNELWISE.supports(seen) or GRID_MLP.supports(mixer_of(seen))
    if refusal:
        return refusal
    _, after, own, _ = mixings_of(seen)
    out = irreps_of(seen)[2]
    missing = set(range(len(out))) - after.reached - own.reached
    if not missing:
        return None
    return Refusal(
        "identically zero before the mixer: no path and no feature of a node is "
        + " or ".join(str(out.items[i][1]) for i in sorted(missing)),
        "ask for other output irreps",
    )


def _cost(parity: bool, problem: Problem) -> Mapping[str, float]:
    """Count the convolution, its splines, the mixings of nodes and the grid MLP."""
    seen = seen_of(parity, problem)
    channels, (nodes, edges) = channels_of(seen), counts_of(seen)
    mixings, functions, mlp = mixings_of(seen), splines_of(seen), GRID_MLP.weights(mixer_of(seen))
    edge = edge_flops(seen) + channels * output_irreps(paths_of(seen)).dim + functions.flops
    node, _, out = irreps_of(seen)
    numbers = nodes * channels * (node.dim + out.dim) + 3 * edges + functions.numbers
    numbers += sum(mixing.numbers(channels) for mixing in mixings)
    numbers += sum(space.shape[0] * space.shape[1] for space in mlp.values())
    mixed = nodes * sum(mixing.flops(channels) for mixing in mixings)
    return {
        "flops": edges * edge + float(mixed) + GRID_MLP.cost(mixer_of(seen))["flops"],
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


def _layer(name: str, title: str, summary: str, parity: bool, growth: Growth) -> Operation:
    return Operation(
        name=name,
        title=title,
        family="points",
        summary=summary,
        papers=("miklaucic2025",),
        claims=(
            *exact(*(("inversion",) if parity else ()), "translation", "permutation"),
            SymmetryClaim("rotation", "by_knob", "resolution"),
        ),
        knobs=(RESOLUTION,),
        reads=("x", "v", "src", "dst"),
        outputs=_outputs,
        oracle=partial(_oracle, parity),
        cost=partial(_cost, parity),
        supports=partial(_supports, parity),
        weights=partial(_weights, parity),
        refused={
            "grad2": "its second derivative has corners at the knots of its splines, near which "
            "differences of the oracle, by which second gradients are judged, are none"
        },
        users=("miklaucic2025",),
        growth=growth,
    )


OPERATIONS = (
    _layer(
        "facet_layer",
        "Facet layer",
        "channelwise convolution with splines of lengths, and an MLP on the sphere at each node",
        parity=True,
        growth=Growth({"lmax": 4, "channels": 2}, "L <= 10: the grid beside L^5 of edges"),
    ),
    _layer(
        "facet_released_layer",
        "Facet layer, parity as released",
        "the layer of Facet with vectors of edges taken as even, so that a mirror breaks it",
        parity=False,
        growth=Growth({"lmax": 5, "channels": 2}),
    ),
)
