r"""Gaunt convolution: features as functions on the sphere, multiplied by one of the edge, summed.

    z[n, u] = sum_{e: dst[e] = n} coefficients of f_x f_y,
    f_x = sum_lm x[src[e], u, lm] Y_lm,   f_y = sum_lm w[e, l, u] Y_lm(v[e]) Y_lm

with orthonormal harmonics of the points of the sphere, the "component" harmonics Y_lm(v) of the
edge, and a weight for each edge, degree of the harmonics and channel, as a radial network gives
them [@luo2024]. f_y is the same all round the edge. All paths into one output irrep are summed with
the coefficients of `gaunt`; the output has the irreps asked for, in the order of `irreps_out`,
those that no path reaches as exact zeros.

Selection rule: triangle and l1 + l2 + l3 even; hence no cross product with an edge. Of the maps of
`channelwise`, which has a weight for each path (l1, l2, l3), it holds those whose weights are the
Gaunt coefficient times a number of l2: 2L + 1 weights for each edge and channel where all harmonics
are asked for, of O(L^3) paths. Channels do not mix, as they do in `escn`.

Features are one function on the sphere: one copy of each degree and, with parity, irreps
(l, s (-1)^l) of one sign s. Cost for each edge and channel: O(L^5) with all coefficients, O(L^4) in
the frame of the edge, where f_y has the orders m = 0 alone, O(L^3) at points of the sphere.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families import product
from impls.families.points import channels_of, edge_harmonics, irreps_of, node_space
from impls.growth import Growth
from impls.inputs.named import counts_of
from impls.operation import AtPoints, Operation, exact
from impls.points.convolution.operation import edge_numbers
from impls.problem import BYTES, Problem, Refusal
from impls.products.gaunt import operation as gaunt
from impls.so3.wigner import gaunt as tensor
from impls.spaces import Arrays, Space

READS = ("x", "v", "sh", "src", "dst")
"""Edges come as vectors or as harmonics, by the problem."""


def of_one_edge(problem: Problem) -> Problem:
    """Return the product of one feature of a node with the harmonics of one edge."""
    first, second, out = irreps_of(problem)
    return product.ask(
        irreps_in1=first,
        irreps_in2=second,
        irreps_out=out,
        channels=channels_of(problem),
        batch=1,
    )


def degree_of_component(problem: Problem) -> np.ndarray:
    """Return the position in `irreps_edge` of the irrep of each component of the harmonics."""
    edge = irreps_of(problem)[1]
    return np.repeat(np.arange(len(edge)), [ir.dim for _, ir in edge])


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, irreps_of(problem)[2])}


def _weights(problem: Problem) -> Mapping[str, Space]:
    shape = counts_of(problem)[1], len(irreps_of(problem)[1]), channels_of(problem)
    return {"w": Space(shape, axis="edges")}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Multiply the functions of each edge point by point, on a grid finer than needed."""
    x, w, harmonics = inputs["x"], weights["w"], edge_harmonics(problem, inputs)
    scales = np.repeat(w, [ir.dim for _, ir in irreps_of(problem)[1]], axis=1)
    function = np.swapaxes(scales * harmonics[:, :, None], 1, 2)
    both = {"x": x[inputs["src"]], "y": function}
    messages = gaunt.OPERATION.oracle(of_one_edge(problem), both, {})["z"]
    z = np.zeros((*x.shape[:-1], messages.shape[-1]))
    np.add.at(z, inputs["dst"], messages)
    return {"z": z}


def _supports(problem: Problem) -> Refusal | None:
    node, edge, out = irreps_of(problem)
    for name, irreps in (("irreps_node", node), ("irreps_out", out)):
        degrees = [ir.l for _, ir in irreps]
        if len(set(degrees)) < len(degrees):
            return Refusal(
                f"{name}={irreps}: a function on the sphere has each degree once",
                "ask for one copy of each degree, and for channels",
            )
    if edge.lmax == 0:
        return Refusal(
            f"irreps_edge={edge}: a product with a constant function only scales",
            "use aggregation, or ask for edges of degree 1 and more",
        )
    signs = {ir.p * (-1) ** ir.l for _, ir in node}
    if len(signs) > 1:
        return Refusal(
            f"irreps_node={node} is not one function on the sphere: it mixes parities (-1)^l and "
            "-(-1)^l",
            "use 0e+1o+2e... or 0o+1e+2o...",
        )
    if gaunt.paths_of(of_one_edge(problem)):
        return None
    return Refusal(
        f"identically zero: no path of {node} x {edge} to {out} has an even sum of degrees and "
        "the parity of the output",
        "use channelwise, or ask for other output irreps",
    )


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count, per edge, G Y once for all channels, times x; then weights by degree of Y, the sum."""
    paths = gaunt.paths_of(of_one_edge(problem)).values()
    tensors = [np.abs(tensor(*(ir.l for ir in irreps))) > 1e-12 for irreps in paths]
    nonzero = sum(int(np.count_nonzero(t)) for t in tensors)
    pairs = sum(int(np.count_nonzero(t.any(axis=1))) for t in tensors)
    ends = sum(dim for _, dim in {(b.l, c.dim) for _, b, c in paths})
    channels, (nodes, edges) = channels_of(problem), counts_of(problem)
    node, edge, out = irreps_of(problem)
    numbers = nodes * channels * (node.dim + out.dim)
    numbers += edges * (edge_numbers(problem) + len(edge) * channels)
    return {
        "flops": float(edges * (2 * nonzero + channels * 2 * (pairs + ends))),
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


def at_points(problem: Problem) -> AtPoints:
    """Return the functions of nodes and of edges, and the irreps of the output that are reached."""
    return gaunt.at_points(of_one_edge(problem))


OPERATION = Operation(
    name="gaunt_convolution",
    title="Gaunt convolution",
    family="points",
    summary="product of functions on the sphere, of a node and of an edge, summed over neighbours",
    papers=("luo2024",),
    claims=exact("rotation", "inversion", "translation", "permutation"),
    reads=READS,
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    linear_in=(("x", 1), ("sh", 1), ("w", 1)),
    at_points=at_points,
    users=("luo2024",),
    growth=Growth({"lmax": 5, "channels": 1}),
)
