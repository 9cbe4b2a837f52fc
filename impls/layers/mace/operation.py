r"""Layer of MACE [@batatia2022]: interaction, symmetric contraction, self-connection.

    h[n]       = F x[n]
    m[n, path] = sum_{e: dst[e] = n} R_path(|v[e]|) CG_path(h[src[e]], Y(v[e]))
    A[n]       = M m[n]
    z[n]       = P (sum_{nu <= correlation} sum_eta W_nu[eta] U_nu^eta(A[n], .., A[n])) + S x[n]

F, M, P and S mix the channels of each irrep (`impls.layers.mixing`), R are the radial functions of
each path and channel (`impls.layers.radial`, envelope of order 5), CG_path and Y those of
`channelwise`. A has the irreps of the harmonics. The sum over nu is the product basis: in each
channel all equivariant polynomials of degree nu in A, by the minimal basis of
`symmetric_contraction`; of the first degree A itself, a weight for each irrep. So messages are of
body order nu + 1.

As published but for constants, which belong to how weights are drawn; S and W_nu would depend on
the chemical element, and here all nodes are of one; R has two layers of neurons and not three; the
basis is not the nested one, most of whose weights are idle. Irreps of the output that only S
reaches are features of the node alone.

The knob `correlation` is the largest nu, 3 as published. An edge comes into sight at the cutoff
with three derivatives zero. Cost: as `nequip_layer`, and O(L^(2 nu + 2) C / nu!) for each
node, in monomials.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from impls.families import feature
from impls.families.points import channels_of, irreps_of, node_space
from impls.growth import Growth
from impls.inputs.named import counts_of
from impls.layers import radial
from impls.layers.features import no_layer
from impls.layers.mixing import Mixing
from impls.layers.radial import Radial, matrix
from impls.operation import Knob, Operation, exact
from impls.points.convolution.operation import CHANNELWISE, edge_flops, paths_of, reached
from impls.powers.symmetric_contraction.operation import LARGEST, weights_per_output
from impls.powers.symmetric_contraction.operation import OPERATION as CONTRACTION
from impls.problem import BYTES, Problem, Refusal
from impls.products.paths import output_irreps
from impls.so3.irreps import Irreps
from impls.spaces import Array, Arrays, Space

ORDER = 5
"""Of the envelope, as published."""
HIGHEST = 3
"""The largest correlation of the published models."""
CORRELATION = Knob(
    "correlation", lambda problem: HIGHEST, lambda problem: tuple(range(1, HIGHEST + 1))
)
"""The degree of the polynomials in what a node collects."""


def convolution_of(problem: Problem) -> Problem:
    """Return the convolution inside, into the irreps of the harmonics."""
    return problem.with_sizes(irreps_out=str(irreps_of(problem)[1]))


def collected_of(problem: Problem) -> Irreps:
    """Return the irreps of A."""
    return reached(convolution_of(problem))


def kept_of(problem: Problem) -> tuple[int, ...]:
    """Return the items of the output that are in A: what the first degree gives."""
    inside = {ir for _, ir in collected_of(problem)}
    return tuple(i for i, (_, ir) in enumerate(irreps_of(problem)[2]) if ir in inside)


def powers_of(problem: Problem) -> Mapping[int, tuple[Problem, tuple[int, ...]]]:
    """Return by nu >= 2 the question of its contraction, and the items of the output it gives."""
    out, found = irreps_of(problem)[2], {}
    for nu in range(2, CORRELATION.of(problem) + 1):
        asked = feature.ask(
            irreps_in=collected_of(problem),
            irreps_out=out,
            nu=nu,
            channels=channels_of(problem),
            batch=counts_of(problem)[0],
        )
        items = tuple(i for i, count in enumerate(weights_per_output(asked)) if count)
        if items:
            given = Irreps(tuple(out.items[i] for i in items))
            asked = replace(asked.with_sizes(irreps_out=str(given)), dtype=problem.dtype)
            found[nu] = asked, items
    return found


def made_of(problem: Problem) -> tuple[int, ...]:
    """Return the items of the output that the product basis gives."""
    given = (items for _, items in powers_of(problem).values())
    return tuple(sorted({*kept_of(problem), *(i for items in given for i in items)}))


def mixings_of(problem: Problem) -> tuple[Mixing, Mixing, Mixing, Mixing]:
    """Return F, M, P and S."""
    node, _, out = irreps_of(problem)
    basis = Irreps(tuple(out.items[i] for i in made_of(problem)))
    return (
        Mixing("F", node, node),
        Mixing("M", output_irreps(paths_of(convolution_of(problem))), collected_of(problem)),
        Mixing("P", basis, out),
        Mixing("S", node, out),
    )


def radial_of(problem: Problem) -> Radial:
    """Return the radial functions, one for each path and channel."""
    return Radial(len(paths_of(convolution_of(problem))) * channels_of(problem), ORDER)


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, irreps_of(problem)[2])}


def _weights(problem: Problem) -> Mapping[str, Space]:
    before, collected, after, own = mixings_of(problem)
    channels, (nodes, edges) = channels_of(problem), counts_of(problem)
    kept, powers = len(kept_of(problem)), powers_of(problem)
    basis = {"W1": (kept, channels)} if kept else {}
    for nu, (asked, _) in powers.items():
        basis[f"W{nu}"] = sum(weights_per_output(asked)), channels
    return {
        **before.weights(channels),
        **radial_of(problem).weights(),
        **collected.weights(channels, max(edges / nodes, 1.0)),
        **{name: matrix(shape, shape[0]) for name, shape in basis.items()},
        **after.weights(channels),
        **own.weights(channels),
    }


def basis(problem: Problem, a: Array, weights: Arrays) -> Array:
    """Return the sum over nu [nodes, channels, dim of the items made] of A, in float64."""
    out, inside = irreps_of(problem)[2], collected_of(problem)
    made = made_of(problem)
    found = np.zeros((*a.shape[:2], sum(out.items[i][1].dim for i in made)))
    places = dict(zip(made, Irreps(tuple(out.items[i] for i in made)).slices(), strict=True))
    parts = dict(zip((ir for _, ir in inside), inside.slices(), strict=True))
    for i, w in zip(kept_of(problem), weights.get("W1", ()), strict=True):
        found[..., places[i]] += w[:, None] * a[..., parts[out.items[i][1]]]
    for nu, (asked, items) in powers_of(problem).items():
        power = CONTRACTION.oracle(asked, {"x": a}, {"W": weights[f"W{nu}"]})["z"]
        for i, part in zip(items, feature.irreps_of(asked)[1].slices(), strict=True):
            found[..., places[i]] += power[..., part]
    return found


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    before, collected, after, own = mixings_of(problem)
    convolution, x = convolution_of(problem), inputs["x"]
    shape = -1, len(paths_of(convolution)), channels_of(problem)
    w = radial.oracle(radial_of(problem), problem, inputs, weights).reshape(shape)
    sent = {**inputs, "x": before.oracle(x, weights)}
    a = collected.oracle(CHANNELWISE.oracle(convolution, sent, {"w": w})["z"], weights)
    return {"z": after.oracle(basis(problem, a, weights), weights) + own.oracle(x, weights)}


def _supports(problem: Problem) -> Refusal | None:
    correlation = CORRELATION.of(problem)
    if isinstance(correlation, bool) or correlation not in range(1, HIGHEST + 1):
        return Refusal(
            f"knob correlation={correlation!r}: the basis has degrees 1 to {HIGHEST}",
            "use one of these",
        )
    refusal = no_layer(problem) or CHANNELWISE.supports(convolution_of(problem))
    if refusal:
        return refusal
    if (size := math.comb(collected_of(problem).dim + correlation - 1, correlation)) > LARGEST:
        return Refusal(
            f"{size} monomials of degree {correlation} in what a node collects, over {LARGEST}",
            "use a smaller correlation, or smaller degrees of irreps_edge",
        )
    *_, own = mixings_of(problem)
    out = irreps_of(problem)[2]
    missing = set(range(len(out))) - set(made_of(problem)) - own.reached
    if not made_of(problem):
        missing = set(range(len(out)))
    if not missing:
        return None
    irreps = " or ".join(str(out.items[i][1]) for i in sorted(missing))
    return Refusal(
        f"identically zero: no polynomial of degree {correlation} in {collected_of(problem)} is "
        f"{irreps}",
        "leave it out of irreps_out, or use a larger correlation",
    )


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count the convolution, its radial functions, the mixings of nodes and the contractions."""
    channels, (nodes, edges) = channels_of(problem), counts_of(problem)
    convolution, mixings, functions = (
        convolution_of(problem),
        mixings_of(problem),
        radial_of(problem),
    )
    summed = output_irreps(paths_of(convolution)).dim
    edge = edge_flops(convolution) + channels * summed + functions.flops
    powers = [asked for asked, _ in powers_of(problem).values()]
    node, _, out = irreps_of(problem)
    kept = sum(out.items[i][1].dim for i in kept_of(problem))
    numbers = nodes * channels * (node.dim + out.dim) + 3 * edges + functions.numbers
    numbers += sum(mixing.numbers(channels) for mixing in mixings)
    numbers += channels * (len(kept_of(problem)) + sum(map(sum, map(weights_per_output, powers))))
    mixed = sum(mixing.flops(channels) for mixing in mixings) + channels * kept
    contracted = sum(CONTRACTION.cost(asked)["flops"] for asked in powers)
    return {
        "flops": edges * edge + float(nodes * mixed) + contracted,
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


OPERATION = Operation(
    name="mace_layer",
    title="MACE interaction and product basis",
    family="points",
    summary="channelwise convolution, its symmetric powers up to the third, self-connection",
    papers=("batatia2022",),
    claims=exact("rotation", "inversion", "translation", "permutation"),
    reads=("x", "v", "src", "dst"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    knobs=(CORRELATION,),
    users=("batatia2022",),
    growth=Growth({"lmax": 7, "channels": 2}, "correlation 3 and L <= 5; L^8 beyond"),
)
