r"""Convolution of three factors: what a node sends is coupled with the edge, and with itself again.

    z[n, c, o] = sum over (e with dst[e] = n, paths into o),
                 w[path, c] [[x[src, c] x Y_l2(v)]_k x x[src, c]]_o

with [. x .] the "component" normalised Clebsch-Gordan products. A path is (i1, l2, k, i4, o), items
i1 and i4 of x, and k among the irreps of x. The second factor of the sender is itself here; where
models have another one there (a magnetic moment, an embedding) nothing else changes [@xu2026].

As both are features of one node, they may be coupled before the edge is known:
recoupling [@varshalovich1988] ch. 9 gives the same map with products of nodes, of which there are
fewer than edges (see `recoupled`).

Selection rule: triangles (l1, l2, k), (k, l4, l3) and, with parity, p_o = p1 p2 p4. Weights:
w [path, channel]. Cost of the sum as it stands: for each edge and channel O(L^5) in both couplings
and O(L^6) in the weights of O(L^5) paths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from impls.families.points import channels_of, edge_harmonics, irreps_of, node_space
from impls.growth import Growth
from impls.inputs.named import counts_of
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem, Refusal
from impls.products import paths as products
from impls.so3.irreps import Irrep, Irreps
from impls.so3.wigner import wigner_3j
from impls.spaces import Arrays, Space


@dataclass(frozen=True)
class Path:
    """One weight per channel: item `first` of x, item `edge` of Y, into `k`, item `second`, `o`."""

    o: int
    k: Irrep
    first: int
    edge: int
    second: int


def paths_of(problem: Problem) -> tuple[Path, ...]:
    """Return the paths in canonical order: by output, k, and the factors."""
    return _paths(*irreps_of(problem))


@lru_cache(maxsize=256)
def _paths(node: Irreps, edge: Irreps, out: Irreps) -> tuple[Path, ...]:
    inner = products.coupled_paths(node, edge, node)
    return tuple(
        Path(o, one.ir3, one.i1, one.i2, second)
        for o, (_, ir3) in enumerate(out)
        for one in inner
        for second, (_, ir) in enumerate(node)
        if ir3 in one.ir3 * ir
    )


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": node_space(problem, irreps_of(problem)[2])}


def _weights(problem: Problem) -> Mapping[str, Space]:
    return {"w": Space((len(paths_of(problem)), channels_of(problem)))}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    (node, edge, out), x, dst = irreps_of(problem), inputs["x"], inputs["dst"]
    ins, edges, outs = node.slices(), edge.slices(), out.slices()
    sent, sh = x[inputs["src"]], edge_harmonics(problem, inputs)
    z = np.zeros((*x.shape[:-1], out.dim))
    for path, w in zip(paths_of(problem), weights["w"], strict=True):
        l1, l2, l4 = (
            part.items[n][1].l
            for part, n in ((node, path.first), (edge, path.edge), (node, path.second))
        )
        k, l3 = path.k.l, out.items[path.o][1].l
        first = np.sqrt(2 * k + 1) * wigner_3j(l1, l2, k)
        last = np.sqrt(2 * l3 + 1) * wigner_3j(k, l4, l3)
        pair = np.einsum(
            "abk,eca,eb->eck", first, sent[..., ins[path.first]], sh[:, edges[path.edge]]
        )
        message = np.einsum("kdm,eck,ecd->ecm", last, pair, sent[..., ins[path.second]])
        np.add.at(z[..., outs[path.o]], dst, w[:, None] * message)
    return {"z": z}


def _supports(problem: Problem) -> Refusal | None:
    if paths_of(problem):
        return None
    node, edge, out = irreps_of(problem)
    return Refusal(
        f"identically zero: no path of {node}, {edge} and {node} ends in {out}",
        "ask for other output irreps, or for so3 (degrees only)",
    )


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count, per edge, C Y once for all channels, times x, the weights, the second coupling."""
    (node, edge, out), (nodes, edges) = irreps_of(problem), counts_of(problem)
    channels, paths = channels_of(problem), paths_of(problem)
    inner = products.coupled_paths(node, edge, node)
    kernels = sum(int(np.count_nonzero(path.nonzero)) for path in inner)
    first = sum(int(np.count_nonzero(path.nonzero.any(axis=1))) for path in inner)
    weighted = sum(path.k.dim for path in paths)
    last = sum(
        int(np.count_nonzero(np.abs(wigner_3j(k.l, node.items[i][1].l, out.items[o][1].l)) > 1e-12))
        for k, i, o in {(path.k, path.second, path.o) for path in paths}
    )
    numbers = nodes * channels * (node.dim + out.dim) + 3 * edges + len(paths) * channels
    flops = 2 * kernels + channels * (2 * (first + weighted + last) + out.dim)
    return {
        "flops": float(edges * flops),
        "bytes": float(numbers * BYTES[problem.dtype] + 2 * edges * 8),
    }


OPERATION = Operation(
    name="triple_convolution",
    title="Triple convolution",
    family="points",
    summary="sender, harmonics of the edge and sender coupled, a weight per path and channel",
    papers=("xu2026",),
    claims=exact("rotation", "inversion", "translation", "permutation"),
    reads=("x", "v", "sh", "src", "dst"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    linear_in=(("x", 2), ("sh", 1), ("w", 1)),
    users=("xu2026",),
    growth=Growth({"lmax": 6, "channels": 1}),
)
