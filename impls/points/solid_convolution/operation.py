r"""Convolution with the solid harmonics of relative positions, and a weight for each edge.

    z[n, c, path] = sum_{e: dst[e] = n} a[e, c] CG_path(x[src[e], c], R_l2(r[src[e]] - r[n])),
    R_l(v) = |v|^l Y_l(v / |v|),   sum_m Y_lm^2 = 1 on the unit sphere

with CG_path the "component" normalised Clebsch-Gordan product of a path (l1, l2, l3). Each path has
an output segment of its own, sorted by (l3, parity, l1, l2). What sets it apart from other
convolutions is that the dependence on the distance is |v|^l times a weight that is the same for all
degrees, as attention gives it. Then everything but the sum can be moved from edges to nodes
[@li2025]: the harmonics are polynomials with the addition theorem [@varshalovich1988] ch. 5

    R_l(p + q) = sum_u sqrt(binomial(2l, 2u)) [R_(l-u)(p) x R_u(q)]_l,

[. x .]_l the orthonormal coupling, so that the relative position splits into the positions of both
ends.

Selection rule: |l1-l2| <= l3 <= l1+l2 and, with parity, p3 = p1 p2. Translations of all positions
change nothing; a periodic structure, whose edges lead to images, has no such positions and is
refused. Cost of the direct sum: O(L^5) for each edge and channel.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.points import (
    channels_of,
    has_positions,
    has_vectors,
    irreps_of,
    node_space,
)
from impls.growth import Growth
from impls.inputs.named import counts_of
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem, Refusal
from impls.products.paths import Path, coupled_paths, output_irreps
from impls.so3.harmonics import degrees_and_orders, spherical_harmonics
from impls.spaces import Array, Arrays, Space


def paths_of(problem: Problem) -> tuple[Path, ...]:
    """Return the paths in canonical order."""
    return coupled_paths(*irreps_of(problem))


def solid_harmonics(lmax: int, vectors: Array) -> Array:
    """Return R_lm [..., (lmax+1)^2] of `vectors` [..., 3] other than zero, index l^2 + l + m."""
    degree, _ = degrees_and_orders(lmax)
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return spherical_harmonics(lmax, vectors, "norm") * length**degree


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, output_irreps(paths_of(problem)))}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    x, r, a, src, dst = (inputs[name] for name in ("x", "r", "a", "src", "dst"))
    paths = paths_of(problem)
    harmonics = solid_harmonics(irreps_of(problem)[1].lmax, r[src] - r[dst])
    z = np.zeros((*x.shape[:-1], paths[-1].out.stop))
    for path in paths:
        l2, sent = path.ir2.l, x[src][..., path.in1]
        edge = np.einsum("ijk,ej->eik", path.tensor, harmonics[:, l2 * l2 : (l2 + 1) ** 2])
        np.add.at(z[..., path.out], dst, np.einsum("eik,eci,ec->eck", edge, sent, a))
    return {"z": z}


def _supports(problem: Problem) -> Refusal | None:
    if not has_vectors(problem):
        return Refusal(
            "harmonics of edges are given: lengths and positions are needed",
            "ask with given=vectors",
        )
    if not has_positions(problem):
        return Refusal(
            f"data {problem.data!r}: edges lead to images, or come without positions of the nodes",
            "ask of an open structure: a molecule, or a lattice",
        )
    if paths_of(problem):
        return None
    node, edge, out = irreps_of(problem)
    return Refusal(
        f"empty output: no path of {node} x {edge} ends in {out} (odd l1+l2+l3 changes the parity)",
        "ask for other output irreps, or for so3 (degrees only)",
    )


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count, per edge, C R once for all channels, times x, times a, into the sum."""
    paths, node = paths_of(problem), irreps_of(problem)[0]
    channels, (nodes, edges) = channels_of(problem), counts_of(problem)
    out = sum(path.ir3.dim for path in paths)
    nonzero = sum(int(np.count_nonzero(path.nonzero)) for path in paths)
    pairs = sum(int(np.count_nonzero(path.nonzero.any(axis=1))) for path in paths)
    numbers = nodes * channels * (node.dim + out) + nodes * 3 + edges * channels
    return {
        "flops": float(edges * (2 * nonzero + channels * 2 * (pairs + out))),
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


OPERATION = Operation(
    name="solid_convolution",
    title="Solid convolution",
    family="points",
    reads=("x", "r", "a", "src", "dst"),
    summary="product with solid harmonics of relative positions, a weight per edge for all degrees",
    papers=("li2025",),
    claims=exact("rotation", "inversion", "translation", "permutation"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    linear_in=(("x", 1), ("a", 1)),
    users=("li2025",),
    growth=Growth({"lmax": 5, "channels": 1}),
)
