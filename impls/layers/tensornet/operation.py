r"""Interaction layer of TensorNet [@simeon2023]: features as matrices, products of matrices.

A feature 0e+1o+2e of a channel is a 3 x 3 matrix, by its trace, its antisymmetric and its symmetric
traceless part as in `cartesian_matrix`, an isometry: |X|^2 is the sum of squares.

    X'[n]  = X[n] / (1 + |X[n]|^2)
    Y[n]   = A X'[n]
    M[n]   = sum_{e: dst[e] = n} sum_l R_l(|v[e]|) Y_l[src[e]]
    P[n]   = Y[n] M[n] + M[n] Y[n],   or 2 Y[n] M[n] for irreps without parity
    Z[n]   = B (P[n] / (1 + |P[n]|^2))
    out[n] = X'[n] + Z[n] + Z[n] Z[n]

A and B mix the channels of each part (`impls.layers.mixing`), R are radial functions of each part
and channel (`impls.layers.radial`, envelope of order 6, where the paper has exponential ones and a
cosine). Inversion turns a matrix into its transpose, since vectors change sign, and Y M + M Y and
Z Z commute with that. Directions of edges are not used: they are in the features.

Constants and the dependence on total charge are left out. Cost: O(C^2) for each node and O(C) times
the neurons of R for each edge.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families import product
from impls.families.points import channels_of, irreps_of, node_space
from impls.growth import Growth
from impls.inputs.named import counts_of
from impls.layers import radial
from impls.layers.features import no_layer
from impls.layers.mixing import Mixing
from impls.layers.radial import Radial
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem, Refusal
from impls.products.cartesian_matrix.operation import OPERATION as PRODUCT
from impls.spaces import Array, Arrays, Space

ORDER = 6
"""Of the envelope."""


def mixings_of(problem: Problem) -> tuple[Mixing, Mixing]:
    """Return A and B."""
    node = irreps_of(problem)[0]
    return Mixing("A", node, node), Mixing("B", node, node)


def radial_of(problem: Problem) -> Radial:
    """Return the radial functions, one for each part and channel, parts by degree."""
    return Radial(3 * channels_of(problem), ORDER)


def product_of(problem: Problem) -> Problem:
    """Return the product of matrices inside: a node is a sample."""
    node = irreps_of(problem)[0]
    return product.ask(
        irreps_in1=node,
        irreps_out=node,
        channels=channels_of(problem),
        batch=counts_of(problem)[0],
    )


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, irreps_of(problem)[2])}


def _weights(problem: Problem) -> Mapping[str, Space]:
    before, after = mixings_of(problem)
    channels = channels_of(problem)
    return {
        **before.weights(channels),
        **radial_of(problem).weights(),
        **after.weights(channels),
    }


def _normalised(x: Array) -> Array:
    return np.asarray(x / (1 + (x**2).sum(axis=-1, keepdims=True)))


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    src, dst = inputs["src"], inputs["dst"]
    before, after = mixings_of(problem)
    x = _normalised(inputs["x"])
    y = before.oracle(x, weights)
    functions = radial.oracle(radial_of(problem), problem, inputs, weights)
    node, sent = irreps_of(problem)[0], y[src]
    places = sorted(zip((ir.l for _, ir in node), node.slices(), strict=True))
    for (_, part), w in zip(places, np.split(functions, 3, axis=1), strict=True):
        sent[..., part] *= w[:, :, None]
    m = np.zeros_like(y)
    np.add.at(m, dst, sent)
    asked = product_of(problem)
    p = PRODUCT.oracle(asked, {"x": y, "y": m}, {})["z"]
    z = after.oracle(_normalised(p), weights)
    square = PRODUCT.oracle(asked, {"x": z, "y": z}, {})["z"] / 2
    return {"z": x + z + square}


def _supports(problem: Problem) -> Refusal | None:
    refusal = no_layer(problem)
    if refusal:
        return refusal
    node, edge, out = irreps_of(problem)
    if edge.lmax > 0:
        return Refusal(
            f"irreps_edge={edge}: the layer knows no direction of edges", "ask for 0e, or 0"
        )
    kinds = sorted((ir.l, ir.p != -1) for _, ir in node)
    if [degree for degree, _ in kinds] != [0, 1, 2] or not (kinds[0][1] and kinds[2][1]):
        return Refusal(
            f"irreps_node={node}: a matrix is a scalar, a vector and an even tensor of degree 2",
            "ask for 0e+1o+2e, or 0+1+2",
        )
    if out != node:
        return Refusal(f"irreps_out={out}: the layer has the irreps of nodes", "leave it out")
    return None


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count the radial functions and the sum of edges, and the mixings and products of nodes."""
    channels, (nodes, edges) = channels_of(problem), counts_of(problem)
    mixings, functions = mixings_of(problem), radial_of(problem)
    products = 3 * 2 * 27 + 4 * 9 + 2 * 2 * 9  # of matrices, sums and norms
    node = sum(mixing.flops(channels) for mixing in mixings) + channels * products
    numbers = 2 * nodes * channels * 9 + 3 * edges + functions.numbers
    numbers += sum(mixing.numbers(channels) for mixing in mixings)
    return {
        "flops": float(edges * (functions.flops + 2 * 9 * channels) + nodes * node),
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


OPERATION = Operation(
    name="tensornet_layer",
    title="TensorNet interaction",
    family="points",
    summary="features as 3 x 3 matrices, multiplied with the radially weighted sum of neighbours",
    papers=("simeon2023",),
    claims=exact("rotation", "inversion", "translation", "permutation"),
    reads=("x", "v", "src", "dst"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    users=("simeon2023", "pelaez2024"),
    growth=Growth({"lmax": 0, "channels": 2}),
)
