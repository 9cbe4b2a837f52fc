r"""All pairs of channels and of components at once, then the coupling, then the weights.

For each pair of irreps (l1, l2) the outer product of x and y, [m1 m2, batch, u, v] (or
[m1 m2, batch, u] where channels are paired): the coupling tensors of all its paths, one below the
other, times that is one matrix product; the weights come last [@geiger2022]. Where paths are
summed, they are one matrix product for each path, over (u, v), or over u. O(L^6) multiplications
for each pair of channels, with the zeros of the coupling tensors. Components come first and
channels last, so that long axes are innermost and nothing is reordered in the call.

It holds all pairs of channels and of components at once: the reference in every mode, and of
interest where channels are paired (uuu, uuw). Where they are not, `weights_first` holds less.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.weighted import per_sample
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.channel_modes.layout import COMPONENTS_FIRST, components_first
from impls.products.channel_modes.modes import MODES, Mode, paths_of
from impls.products.paths import Path


@dataclass(frozen=True)
class Pair:
    """All paths of two irreps: `matrix` [dim1 dim2, sum of 2 l3 + 1] and the outputs of each."""

    in1: slice
    in2: slice
    matrix: np.ndarray
    rows: tuple[tuple[int, slice], ...]


def pairs_of(paths: tuple[Path, ...]) -> tuple[Pair, ...]:
    """Return the pairs of irreps that have a path."""
    pairs = []
    for where in dict.fromkeys((path.i1, path.i2) for path in paths):
        chosen = [k for k, path in enumerate(paths) if (path.i1, path.i2) == where]
        ends = np.cumsum([0, *(paths[k].ir3.dim for k in chosen)]).tolist()
        matrix = np.concatenate([paths[k].tensor for k in chosen], axis=2)
        rows = tuple((k, slice(a, b)) for k, a, b in zip(chosen, ends, ends[1:], strict=False))
        one = paths[chosen[0]]
        pairs.append(Pair(one.in1, one.in2, matrix.reshape(-1, matrix.shape[2]), rows))
    return tuple(pairs)


def dense(mode: Mode, problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm for a mode."""
    pairs, runs = pairs_of(paths_of(problem)), runs_of(problem, mode)
    matrices = [b.table(pair.matrix.T) for pair in pairs]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, y, w = inputs["x"], inputs["y"], weights["w"]
        if mode.second == "v":
            x, y = x[..., None], y[:, :, None]
        coupled: dict[int, Any] = {}
        for pair, matrix in zip(pairs, matrices, strict=True):
            outer = b.outer_first(x[pair.in1], y[pair.in2])
            together = matrix @ outer.reshape(len(outer), -1)
            together = together.reshape(-1, *outer.shape[1:])
            coupled |= {k: together[rows] for k, rows in pair.rows}
        if mode.summed:
            parts = [total([mixed(coupled[k], w[k]) for k in run]) for run in runs]
        else:
            parts = [weighted(mode, coupled[k], w[k]) for (k,) in runs]
        return {"z": b.concatenate(parts, 0)}

    def mixed(coupled: Any, w: Any) -> Any:
        """Return [2 l3 + 1, batch, mul3] of coupled [2 l3 + 1, batch, channels]."""
        rows = coupled.reshape(*coupled.shape[:2], -1)
        w = w.reshape(*w.shape[: len(w.shape) - len(mode.letters)], rows.shape[2], -1)
        if per_sample(problem):
            return (rows.swapaxes(0, 1) @ w).swapaxes(0, 1)
        return rows @ w

    channels = "all pairs of channels" if mode.second == "v" else "each channel"
    kernel = f"outer product of {channels}, matrix product per (l1, l2)"
    return Built(call, *components_first(problem, b), layout=COMPONENTS_FIRST, kernel=kernel)


def runs_of(problem: Problem, mode: Mode) -> list[range]:
    """Return the numbers of the paths of each segment of the output: one, or all into an irrep."""
    ends = [path.ir3 for path in paths_of(problem)]
    if not mode.summed:
        return [range(k, k + 1) for k in range(len(ends))]
    starts = [(ends.index(ir), ends.count(ir)) for _, ir in mode.irreps(problem)]
    return [range(first, first + count) for first, count in starts]


def total(parts: list[Any]) -> Any:
    """Return the sum of arrays."""
    return sum(parts[1:], parts[0])


def weighted(mode: Mode, coupled: Any, w: Any) -> Any:
    """Return [2 l3 + 1, batch, channels of the output] of coupled [2 l3 + 1, batch, channels]."""
    product = coupled * w
    for letter in set(mode.letters) - set(mode.out):
        product = product.sum(2 + mode.letters.index(letter))
    return product.reshape(*coupled.shape[:2], -1)


ALGORITHMS = tuple(
    Algorithm(
        mode.name,
        "dense",
        "outer product, coupling, then weights",
        partial(dense, mode),
        papers=("geiger2022",),
        growth=Growth({"lmax": 6, "channels": len(mode.letters)}),
    )
    for mode in MODES
)
