r"""Channelwise (uvu) convolution: the product of NequIP- and MACE-like layers, summed over edges.

    z[n, u, path] = sum_{e: dst[e] = n} w[e, path, u] CG_path(x[src[e], u], sh[e])

with CG_path the "component" normalised Clebsch-Gordan product of a path (l1, l2, l3), so that its
reduced coefficient is sqrt(2 l3 + 1) w [@thomas2018] [@batzner2022] [@geiger2022]. The harmonics
have one copy of each degree (mul2 = 1): mode uvu keeps the channel of x. Each path has an output
segment of its own, sorted by (l3, parity, l1, l2); one weight per edge, path and channel, as the
radial networks of these models give; no division by the number of neighbours.

Selection rule: |l1 - l2| <= l3 <= l1 + l2 and, with parity, p3 = p1 p2. Every path is free. Cost
per edge and channel: O(L^5), on the nonzero pairs (m1, m3) of O(L^3) paths; output O(L^4).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.convolution import channels_of, graph_of, irreps_of, node_space
from impls.growth import Growth
from impls.operation import Operation, exact
from impls.operation import Path as PathKey
from impls.problem import BYTES, Problem, Refusal
from impls.products.paths import Path, coupled_paths, output_irreps
from impls.spaces import Arrays, Space

__all__ = ["OPERATION", "Path", "paths_of"]


def paths_of(problem: Problem) -> tuple[Path, ...]:
    """Return the paths of a convolution problem in canonical order."""
    return coupled_paths(*irreps_of(problem))


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, output_irreps(paths_of(problem)))}


def _weights(problem: Problem) -> Mapping[str, Space]:
    edges = len(graph_of(problem).src)
    return {"w": Space((edges, len(paths_of(problem)), channels_of(problem)))}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    x, sh, src, dst = (inputs[name] for name in ("x", "sh", "src", "dst"))
    paths = paths_of(problem)
    z = np.zeros((*x.shape[:-1], paths[-1].out.stop))
    for path, w in zip(paths, np.moveaxis(weights["w"], 1, 0), strict=True):
        message = np.einsum(
            "ijk,eui,ej,eu->euk",
            path.tensor,
            x[src][..., path.in1],
            sh[:, path.in2],
            w,
            optimize=True,
        )
        np.add.at(z[..., path.out], dst, message)
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


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count, per edge, C sh once for all channels, times x, times w, into the sum."""
    channels, paths, graph = channels_of(problem), paths_of(problem), graph_of(problem)
    node, edge, _ = irreps_of(problem)
    edges, out = len(graph.src), sum(p.ir3.dim for p in paths)
    nonzero = sum(int(np.count_nonzero(p.nonzero)) for p in paths)
    pairs = sum(int(np.count_nonzero(p.nonzero.any(axis=1))) for p in paths)
    numbers = graph.nodes * channels * (node.dim + out) + edges * (edge.dim + len(paths) * channels)
    width = BYTES[problem.dtype]
    return {
        "flops": float(edges * (2 * nonzero + channels * 2 * (pairs + out))),
        "bytes": float(numbers * width + 2 * edges * 8),
    }


OPERATION = Operation(
    name="channelwise",
    title="channelwise convolution",
    family="convolution",
    summary="channelwise (uvu) product with edge harmonics and weights, summed over neighbours",
    papers=("thomas2018", "batzner2022", "batatia2022"),
    claims=exact("rotation", "inversion", "permutation"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    linear_in=(("x", 1), ("sh", 1)),
    coefficients=_coefficients,
    users=("batzner2022", "batatia2022", "liao2023", "park2024"),
    growth=Growth({"lmax": 5, "channels": 1}),
)
