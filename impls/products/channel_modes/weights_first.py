r"""Weights first: no pair of channels is formed where one can be mixed away before [@geiger2022].

    uvu   CG_p(x_u, sum_v W[p,u,v] y_v)
    uvv   CG_p(sum_u W[p,u,v] x_u, y_v)
    uvw   sum over (p, v) of (C_p y_v) (sum_u W[p,u,v,w] x_u)

The first two leave O(L^6) multiplications for each channel of the output, not for each pair of
channels. If there is one channel to mix, as an edge has one copy of its harmonics, its weights
scale the channels that stay, and it makes one small matrix C_p y for each path, which serves all of
them. In the third y makes these matrices too, one for each v: for the paths of two irreps (l1, l3)
the weights are one matrix product with x, and the matrices of all v a batched one with that, over
(m1, path, v). Channels are innermost. The other modes have none to mix away before: uuw and
uuu pair channels, uvuv keeps all pairs.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.weighted import irreps_of, multiplicities_of, per_sample
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.channel_modes.dense import total
from impls.products.channel_modes.layout import (
    CHANNELS_LAST,
    COMPONENTS_FIRST,
    channels_last,
    components_first,
)
from impls.products.channel_modes.modes import MODES, Mode, paths_of, reached
from impls.so3.irreps import Irrep


def one_mixed(mode: Mode, problem: Problem, b: Backend, options: Options) -> Built:
    """Build uvu or uvv: channels of one input are mixed, and meet those that stay."""
    keeps_first = mode.out == "u"
    mul1, mul2, _ = multiplicities_of(problem)
    if (mul2 if keeps_first else mul1) == 1:
        return _one_to_mix(mode, problem, b)
    paths = paths_of(problem)
    tables = [b.table(path.tensor.reshape(-1, path.ir3.dim).T) for path in paths]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        parts = []
        for k, (path, table) in enumerate(zip(paths, tables, strict=True)):
            x, y, w = inputs["x"][path.in1], inputs["y"][path.in2], weights["w"][k]
            if keeps_first:
                y = mix(y, w.swapaxes(-1, -2))
            else:
                x = mix(x, w)
            outer = b.outer_first(x, y)
            coupled = table @ outer.reshape(len(outer), -1)
            parts.append(coupled.reshape(-1, *outer.shape[1:]))
        return {"z": b.concatenate(parts, 0)}

    def mix(a: Any, w: Any) -> Any:
        """Return [components, batch, channels] with the channels mixed."""
        if per_sample(problem):
            return (a.swapaxes(0, 1) @ w).swapaxes(0, 1)
        return a @ w

    kernel = "weights before the coupling, matrix products per path"
    return Built(call, *components_first(problem, b), layout=COMPONENTS_FIRST, kernel=kernel)


def _one_to_mix(mode: Mode, problem: Problem, b: Backend) -> Built:
    """Build uvu with one channel of y, or uvv with one of x: a matrix for each sample and path."""
    paths, keeps_first = paths_of(problem), mode.out == "u"
    kept, single = ("x", "y") if keeps_first else ("y", "x")
    dim = irreps_of(problem)[1 if keeps_first else 0].dim
    parts, items, sizes = [], [], []
    for path in paths:
        item, other, tensor = path.in1, path.in2, path.tensor.transpose(1, 2, 0)
        if not keeps_first:
            item, other, tensor = other, item, path.tensor.transpose(0, 2, 1)
        part = np.zeros((dim, *tensor.shape[1:]))
        part[other] = tensor
        parts.append(part.reshape(dim, -1))
        items.append(item)
        sizes.append(parts[-1].shape[1])
    couplings = b.table(np.concatenate(parts, axis=1))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, w = inputs[kept], weights["w"]
        w = w.reshape(-1, len(paths), 1, x.shape[2])
        matrices = b.split(inputs[single][:, 0] @ couplings, sizes, 1)
        parts = [
            b.bmm(matrix.reshape(len(x), path.ir3.dim, -1), x[:, item] * w[:, k])
            for k, (path, item, matrix) in enumerate(zip(paths, items, matrices, strict=True))
        ]
        return {"z": b.concatenate(parts, 1)}

    kernel = "weights, then a batched matrix product per path"
    return Built(call, *channels_last(b, kept), layout=CHANNELS_LAST, kernel=kernel)


def all_mixed(problem: Problem, b: Backend, options: Options) -> Built:
    """Build uvw: the paths of two irreps (l1, l3) together."""
    paths, second = paths_of(problem), irreps_of(problem)[1]
    mul1, mul2, mul3 = multiplicities_of(problem)
    found: dict[tuple[Irrep, int], list[int]] = {}
    for k, path in enumerate(paths):
        found.setdefault((path.ir3, path.i1), []).append(k)
    parts = []
    for run in found.values():
        one = paths[run[0]]
        part = np.zeros((second.dim, one.ir3.dim, one.ir1.dim, len(run)))
        for place, k in enumerate(run):
            part[paths[k].in2, :, :, place] = paths[k].tensor.transpose(1, 2, 0)
        parts.append(part.reshape(second.dim, -1))
    couplings, sizes = b.table(np.concatenate(parts, axis=1)), [part.shape[1] for part in parts]
    axis = 1 if per_sample(problem) else 0

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, w, batch = inputs["x"], weights["w"], len(inputs["x"])
        w = b.split(w.reshape(*w.shape[:-2], mul2 * mul3), [1] * len(paths), axis)
        matrices = b.split(inputs["y"] @ couplings, sizes, 2)
        ends: dict[Irrep, list[Any]] = {}
        for ((ir3, _), run), matrix in zip(found.items(), matrices, strict=True):
            item = x[:, paths[run[0]].in1]
            mine = b.concatenate([w[k] for k in run], -1)
            if not per_sample(problem):
                item = item.reshape(-1, mul1)
            mixing = item @ mine.reshape(*mine.shape[:axis], mul1, -1)
            rows = len(run) * (paths[run[0]].ir1.dim)
            matrix = matrix.reshape(batch, mul2, ir3.dim * rows).swapaxes(1, 2)
            matrix = matrix.reshape(batch, ir3.dim, rows * mul2)
            coupled = b.bmm(matrix, mixing.reshape(batch, rows * mul2, mul3))
            ends.setdefault(ir3, []).append(coupled)
        return {"z": b.concatenate([total(ends[ir]) for _, ir in reached(problem)], 1)}

    kernel = "weights by a matrix product, coupling by a batched one, per (l1, l3)"
    return Built(call, *channels_last(b, "x"), layout=CHANNELS_LAST, kernel=kernel)


ALGORITHMS = tuple(
    Algorithm(
        mode.name,
        "weights_first",
        "weights before the coupling",
        all_mixed if mode.name == "uvw" else partial(one_mixed, mode),
        papers=("geiger2022",),
        growth=Growth({"lmax": 6, "channels": len(mode.letters)}),
    )
    for mode in MODES
    if mode.name in ("uvw", "uvu", "uvv")
)
