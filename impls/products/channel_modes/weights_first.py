r"""Weights first: no pair of channels is formed, for one is mixed away before [@geiger2022].

    uvu   CG_p(x_u, sum_v W[p,u,v] y_v)
    uvv   CG_p(sum_u W[p,u,v] x_u, y_v)
    uvw   sum_v sum_m1 (sum_u W[p,u,v,w] x_u[m1]) (C_p y_v)[m1]

The first two leave O(L^6) multiplications for each channel of the output, not for each pair of
channels, and products of pairs of channels only inside the matrix product that mixes them: of
degree L instead of L^2 in the number of components. The third turns y into matrices [m1, m3] that
serve all channels u; all paths into an irrep are one batched matrix product over (path, m1, v).
The other modes have none to mix away before: uuw and uuu pair channels, uvuv keeps all pairs.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.weighted import multiplicities_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.channel_modes.dense import own, runs_of
from impls.products.channel_modes.modes import MODES, Mode, paths_of


def weights_first(mode: Mode, problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm for a mode."""
    paths, runs, by_second = paths_of(problem), runs_of(problem, mode), mode.name == "uvw"
    tables = [
        b.table(
            path.tensor.swapaxes(0, 1).reshape(path.ir2.dim, -1)
            if by_second
            else path.tensor.reshape(-1, path.ir3.dim)
        )
        for path in paths
    ]
    mul2, mul3 = multiplicities_of(problem)[1:]

    def mixed(inputs: Tensors, w: Any, run: range) -> Any:
        """Return the paths into one irrep as one matrix product over (path, m1, v)."""
        left, right = [], []
        for k in run:
            x, y = inputs["x"][..., paths[k].in1], inputs["y"][..., paths[k].in2]
            mine, dim1 = own(problem, w, k), paths[k].ir1.dim
            mixing = x.swapaxes(1, 2) @ mine.reshape(*mine.shape[:-2], mul2 * mul3)
            left.append(mixing.reshape(len(x), dim1 * mul2, mul3))
            matrix = (y @ tables[k]).reshape(len(y), mul2, dim1, -1).swapaxes(1, 2)
            right.append(matrix.reshape(len(y), dim1 * mul2, -1))
        return b.concatenate(left, 1).swapaxes(1, 2) @ b.concatenate(right, 1)

    def paired(inputs: Tensors, w: Any, k: int) -> Any:
        """Return the coupling of x and y channel by channel, one of them mixed."""
        x, y = inputs["x"][..., paths[k].in1], inputs["y"][..., paths[k].in2]
        if mode.name == "uvu":
            y = w @ y
        else:
            x = w.swapaxes(-1, -2) @ x
        outer = x[..., None] * y[:, :, None]
        return outer.reshape(*outer.shape[:2], -1) @ tables[k]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        w = weights["w"]
        if by_second:
            parts = [mixed(inputs, w, run) for run in runs]
        else:
            parts = [paired(inputs, own(problem, w, k), k) for (k,) in runs]
        return {"z": b.concatenate(parts, -1)}

    return Built(call, kernel="weights before the coupling, matrix products per path")


ALGORITHMS = tuple(
    Algorithm(
        mode.name,
        "weights_first",
        "weights before the coupling",
        partial(weights_first, mode),
        papers=("geiger2022",),
        growth=Growth({"lmax": 6, "channels": len(mode.letters)}),
    )
    for mode in MODES
    if mode.name in ("uvw", "uvu", "uvv")
)
