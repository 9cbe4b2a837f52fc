r"""The same map without a rotation: Clebsch-Gordan products with the harmonics of the edge.

The weights h, k become weights w_l2 of products with Y_l2(v), l2 up to l_in + l_out, by
`bijection`; then for each output irrep

    z[n, w] = sum over (e with dst[e] = n, l_in, l2, u) of
              w_l2[u, w] (C(l_in, l2, l_out) Y_l2(v[e])) x[src[e], u]

as a convolution on the sphere is usually computed [@thomas2018], with one matrix product that mixes
paths and channels. O(L^5) for each edge and channel and O(L^4 C^2) for mixing; the kernels of each
edge, for all channels, O(L^7) as one matrix product for each pair of irreps (O(L^6) without its
zeros). Harmonics go up to degree 2L. `escn` has even and odd l_in + l_out + l2, `escn_o3` what
inversion allows of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import channels_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.points.escn.operation import KEEPS_INVERSION, bijection, ends_of, paths_of
from impls.points.harmonics import Harmonics, supports
from impls.problem import Problem
from impls.so3.wigner import clebsch_gordan


@dataclass(frozen=True)
class Pair:
    """The maps from one input irrep to one output irrep: all l2 that have a weight.

    `kernel` [harmonics, (2 l_out + 1) l2 (2 l_in + 1)] couples the harmonics in `sh`; `change`
    [l2, weights] makes the weights of products from those in `paths`.
    """

    item: slice
    sh: slice
    paths: slice
    kernel: Any
    change: Any


def pairs_of(problem: Problem, parity: bool, b: Backend) -> list[list[Pair]]:
    """Return the pairs of each output irrep."""
    inside, out = ends_of(problem)
    paths, slices = paths_of(problem, parity), inside.slices()
    found: list[list[Pair]] = [[] for _ in range(len(out))]
    for o, (_, ir3) in enumerate(out):
        for i, (_, ir1) in enumerate(inside):
            mine = [n for n, path in enumerate(paths) if (path.o, path.i) == (o, i)]
            if not mine:
                continue
            low, shortest = abs(ir1.l - ir3.l), min(ir1.l, ir3.l)
            rows = [paths[n].m + (shortest if paths[n].odd else 0) for n in mine]
            change = np.linalg.inv(bijection(ir1.l, ir3.l))[:, rows]
            kept = [n for n in range(len(change)) if np.abs(change[n]).max() > 1e-12]
            sh = slice(low**2, (ir1.l + ir3.l + 1) ** 2)
            kernel = np.zeros((sh.stop - sh.start, ir3.dim, len(kept), ir1.dim))
            for place, n in enumerate(kept):
                l2 = low + n
                part = slice(l2**2 - sh.start, (l2 + 1) ** 2 - sh.start)
                kernel[part, :, place] = clebsch_gordan(ir1.l, l2, ir3.l).transpose(1, 2, 0)
            found[o].append(
                Pair(
                    slices[i],
                    sh,
                    slice(mine[0], mine[-1] + 1),
                    b.table(kernel.reshape(len(kernel), -1)),
                    b.table(change[kept]),
                )
            )
    return found


def harmonics(parity: bool, problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm; with `parity`, for the operation that keeps inversion."""
    inside, out = ends_of(problem)
    channels, pairs = channels_of(problem), pairs_of(problem, parity, b)
    sh_of = Harmonics(range(inside.lmax + out.lmax + 1), b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        h, sh, nodes = weights["h"], sh_of(inputs["v"]), inputs["x"].shape[0]
        x = b.gather(inputs["x"], inputs["src"]).swapaxes(1, 2)
        edges, flat = x.shape[0], h.reshape(h.shape[0], -1)
        parts = []
        for (_, ir3), row in zip(out, pairs, strict=True):
            if not row:
                parts.append(b.table(np.zeros((edges, ir3.dim, channels))))
                continue
            coupled, mixing = [], []
            for pair in row:
                size = pair.item.stop - pair.item.start
                rows = pair.kernel.shape[1] // size
                kernel = (sh[:, pair.sh] @ pair.kernel).reshape(edges, rows, size)
                wide = rows // ir3.dim * channels
                coupled.append((kernel @ x[:, pair.item]).reshape(edges, ir3.dim, wide))
                mixing.append((pair.change @ flat[pair.paths]).reshape(-1, channels))
            parts.append(b.concatenate(coupled, -1) @ b.concatenate(mixing, 0))
        z = b.segment_sum(b.concatenate(parts, 1), inputs["dst"], nodes)
        return {"z": z.swapaxes(1, 2)}

    return Built(call, kernel=f"{sum(map(len, pairs))} batched products with harmonics")


ALGORITHMS = tuple(
    Algorithm(
        operation,
        "harmonics",
        "products with edge harmonics",
        partial(harmonics, parity),
        supports=supports,
        papers=("thomas2018",),
        growth=Growth(
            {"lmax": 7, "channels": 2},
            "few channels: kernels; else L^4 C^2",
        ),
    )
    for operation, parity in KEEPS_INVERSION.items()
)
