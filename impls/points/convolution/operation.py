r"""Clebsch-Gordan convolutions: features times the harmonics of edges, summed over edges.

`channelwise` (mode uvu) has a weight for each edge, path and channel, as the radial networks of
NequIP- and MACE-like layers give; each path has an output segment of its own:

    z[n, u, path] = sum_{e: dst[e] = n} w[e, path, u] CG_path(x[src[e], u], Y(v[e]))

`mixing_convolution` (mode uvw) mixes channels by weights that all edges share, and sums the paths
into one irrep, as steerable convolutions do at one distance [@weiler2018] [@thomas2018]:

    z[n, w, l3] = sum_{e: dst[e] = n} sum over (path to l3, u) of
                  W[path, u, w] CG_path(x[src[e], u], Y(v[e]))

with CG_path the "component" normalised Clebsch-Gordan product of a path (l1, l2, l3), so that its
reduced coefficient is sqrt(2 l3 + 1) times the weight [@geiger2022], and Y the "component"
harmonics of the directions, computed in the call where the problem gives vectors. The harmonics
have one copy of each degree. Segments, and the output irreps that any path reaches, are sorted by
(l3, parity), paths by (l3, parity, l1, l2); no division by the number of neighbours.

Selection rule: |l1 - l2| <= l3 <= l1 + l2 and, with parity, p3 = p1 p2. Every path is free. With
all harmonics that can matter (setting full) the maps of one edge are all that commute with what
leaves its direction alone: in each channel for `channelwise`, for all pairs of channels for
`mixing_convolution`, and then it is `escn` in other weights (of features of natural parity
`escn_o3`). Where paths are summed the weights decide what is realised, and `mixing_convolution`
declares no coefficients. Cost per edge and channel: O(L^5), on the nonzero pairs (m1, m3) of O(L^3)
paths; output O(L^4). Channels are mixed at nodes, O(L^4 C^2) each, once for all edges: weights that
are shared can wait for the sum.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.points import (
    channels_of,
    edge_harmonics,
    has_vectors,
    irreps_of,
    node_space,
)
from impls.growth import Growth
from impls.inputs.named import counts_of
from impls.operation import Operation, exact
from impls.operation import Path as PathKey
from impls.problem import BYTES, Problem, Refusal
from impls.products.paths import Path, coupled_paths, output_irreps
from impls.so3.irreps import Irreps
from impls.spaces import Arrays, Space

READS = ("x", "v", "sh", "src", "dst")
"""Edges come as vectors or as harmonics, by the problem."""
SYMMETRY = exact("rotation", "inversion", "translation", "permutation")


def paths_of(problem: Problem) -> tuple[Path, ...]:
    """Return the paths of a convolution problem in canonical order."""
    return coupled_paths(*irreps_of(problem))


def reached(problem: Problem) -> Irreps:
    """Return the irreps that any path reaches, one of each, sorted by (l3, parity)."""
    return Irreps(tuple((1, ir) for ir in dict.fromkeys(path.ir3 for path in paths_of(problem))))


def _channelwise_outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, output_irreps(paths_of(problem)))}


def _mixing_outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, reached(problem))}


def _channelwise_weights(problem: Problem) -> Mapping[str, Space]:
    shape = counts_of(problem)[1], len(paths_of(problem)), channels_of(problem)
    return {"w": Space(shape, axis="edges")}


def _mixing_weights(problem: Problem) -> Mapping[str, Space]:
    channels = channels_of(problem)
    return {"w": Space((len(paths_of(problem)), channels, channels))}


def _channelwise_oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    x, src, dst = (inputs[name] for name in ("x", "src", "dst"))
    sh, paths = edge_harmonics(problem, inputs), paths_of(problem)
    z = np.zeros((*x.shape[:-1], paths[-1].out.stop))
    for path, w in zip(paths, np.moveaxis(weights["w"], 1, 0), strict=True):
        kernel = np.einsum("ijk,ej->eik", path.tensor, sh[:, path.in2])
        np.add.at(z[..., path.out], dst, (x[src][..., path.in1] * w[..., None]) @ kernel)
    return {"z": z}


def _mixing_oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Mix the channels of each edge, path by path; nothing waits for the sum."""
    x, src, dst = (inputs[name] for name in ("x", "src", "dst"))
    sh, out = edge_harmonics(problem, inputs), reached(problem)
    places = {ir: place for (_, ir), place in zip(out, out.slices(), strict=True)}
    z = np.zeros((*x.shape[:-1], out.dim))
    for path, w in zip(paths_of(problem), weights["w"], strict=True):
        mixed = np.einsum("eui,uw->ewi", x[src][..., path.in1], w)
        kernel = np.einsum("ijk,ej->eik", path.tensor, sh[:, path.in2])
        np.add.at(z[..., places[path.ir3]], dst, mixed @ kernel)
    return {"z": z}


def _supports(problem: Problem) -> Refusal | None:
    if paths_of(problem):
        return None
    node, edge, out = irreps_of(problem)
    return Refusal(
        f"empty output: no path of {node} x {edge} ends in {out} (odd l1+l2+l3 changes the parity)",
        "ask for other output irreps, or for so3 (degrees only)",
    )


def _coefficients(problem: Problem) -> Mapping[PathKey, float]:
    paths = paths_of(problem)
    return {(p.i1, p.i2, i3): float(np.sqrt(p.ir3.dim)) for i3, p in enumerate(paths)}


def edge_numbers(problem: Problem) -> int:
    """Return how many real numbers come with an edge: its vector, or its harmonics."""
    return 3 if has_vectors(problem) else irreps_of(problem)[1].dim


def edge_flops(problem: Problem) -> float:
    """Return the flops of one edge: C Y once for all channels, times x, into the sum.

    Harmonics are not counted.
    """
    paths, channels = paths_of(problem), channels_of(problem)
    nonzero = sum(int(np.count_nonzero(path.nonzero)) for path in paths)
    pairs = sum(int(np.count_nonzero(path.nonzero.any(axis=1))) for path in paths)
    out = sum(path.ir3.dim for path in paths)
    return float(2 * nonzero + channels * (2 * pairs + out))


def _channelwise_cost(problem: Problem) -> Mapping[str, float]:
    """Count what `edge_flops` does, and the product of each message with its weight."""
    channels, paths, (nodes, edges) = channels_of(problem), paths_of(problem), counts_of(problem)
    out = sum(path.ir3.dim for path in paths)
    numbers = nodes * channels * (irreps_of(problem)[0].dim + out)
    numbers += edges * (edge_numbers(problem) + len(paths) * channels)
    return {
        "flops": edges * (edge_flops(problem) + channels * out),
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


def _mixing_cost(problem: Problem) -> Mapping[str, float]:
    """Count what `edge_flops` does, and the mixing of the sums at nodes."""
    channels, paths, (nodes, edges) = channels_of(problem), paths_of(problem), counts_of(problem)
    summed = sum(path.ir3.dim for path in paths)
    numbers = nodes * channels * (irreps_of(problem)[0].dim + reached(problem).dim)
    numbers += edges * edge_numbers(problem) + len(paths) * channels**2
    return {
        "flops": edges * edge_flops(problem) + 2.0 * nodes * summed * channels**2,
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


CHANNELWISE = Operation(
    name="channelwise",
    title="Channelwise convolution",
    family="points",
    summary="channelwise (uvu) product with edge harmonics and weights, summed over neighbours",
    papers=("thomas2018", "batzner2022", "batatia2022"),
    claims=SYMMETRY,
    reads=READS,
    outputs=_channelwise_outputs,
    oracle=_channelwise_oracle,
    cost=_channelwise_cost,
    supports=_supports,
    weights=_channelwise_weights,
    linear_in=(("x", 1), ("sh", 1), ("w", 1)),
    coefficients=_coefficients,
    users=("batzner2022", "batatia2022", "liao2023", "park2024"),
    growth=Growth({"lmax": 5, "channels": 1}),
)

MIXING = Operation(
    name="mixing_convolution",
    title="Channel-mixing convolution",
    family="points",
    summary="product (uvw) with edge harmonics, channels mixed by weights that all edges share",
    papers=("weiler2018", "thomas2018"),
    claims=SYMMETRY,
    reads=READS,
    outputs=_mixing_outputs,
    oracle=_mixing_oracle,
    cost=_mixing_cost,
    supports=_supports,
    weights=_mixing_weights,
    linear_in=(("x", 1), ("sh", 1), ("w", 1)),
    users=("weiler2018", "thomas2018"),
    growth=Growth({"lmax": 5, "channels": 2}),
)
