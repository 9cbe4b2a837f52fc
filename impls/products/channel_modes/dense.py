r"""All pairs of channels and of components at once, then the coupling, then the weights.

For each pair of irreps (l1, l2) the outer product of x and y, [batch, u, v, m1 m2] (or
[batch, u, m1 m2] where channels are paired), times the coupling tensors of all its paths side by
side; the weights come last [@geiger2022]. Where paths are summed, that is one matrix product for
each irrep of the output, over (path, u, v). O(L^6) multiplications for each pair of channels, with
the zeros of the coupling tensors.
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
from impls.products.channel_modes.modes import MODES, Mode, paths_of
from impls.products.paths import Path


@dataclass(frozen=True)
class Pair:
    """All paths of two irreps: `matrix` [dim1 dim2, sum of 2 l3 + 1] and the columns of each."""

    in1: slice
    in2: slice
    matrix: np.ndarray
    columns: tuple[tuple[int, slice], ...]


def pairs_of(paths: tuple[Path, ...]) -> tuple[Pair, ...]:
    """Return the pairs of irreps that have a path."""
    pairs = []
    for where in dict.fromkeys((path.i1, path.i2) for path in paths):
        chosen = [k for k, path in enumerate(paths) if (path.i1, path.i2) == where]
        ends = np.cumsum([0, *(paths[k].ir3.dim for k in chosen)]).tolist()
        matrix = np.concatenate([paths[k].tensor for k in chosen], axis=2)
        columns = tuple((k, slice(a, b)) for k, a, b in zip(chosen, ends, ends[1:], strict=False))
        one = paths[chosen[0]]
        pairs.append(Pair(one.in1, one.in2, matrix.reshape(-1, matrix.shape[2]), columns))
    return tuple(pairs)


def dense(mode: Mode, problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm for a mode."""
    pairs, runs = pairs_of(paths_of(problem)), runs_of(problem, mode)
    matrices = [b.table(pair.matrix) for pair in pairs]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, y = inputs["x"], inputs["y"]
        if mode.second == "v":
            x, y = x[:, :, None], y[:, None]
        coupled: dict[int, Any] = {}
        for pair, matrix in zip(pairs, matrices, strict=True):
            outer = x[..., pair.in1, None] * y[..., None, pair.in2]
            together = outer.reshape(*outer.shape[:-2], -1) @ matrix
            coupled |= {k: together[..., columns] for k, columns in pair.columns}
        w = weights["w"]
        if mode.summed:
            parts = [mixed([coupled[k] for k in run], own(problem, w, run)) for run in runs]
        else:
            parts = [weighted(mode, coupled[k], own(problem, w, k)) for (k,) in runs]
        return {"z": b.concatenate(parts, -1)}

    def mixed(coupled: list[Any], w: Any) -> Any:
        """Return the paths into one irrep as one matrix product over (path, channels)."""
        rows = [part.reshape(len(part), -1, part.shape[-1]) for part in coupled]
        channels = b.concatenate(rows, 1)
        lead = w.shape[: len(w.shape) - 1 - len(mode.letters)]
        return w.reshape(*lead, channels.shape[1], -1).swapaxes(-1, -2) @ channels

    channels = "all pairs of channels" if mode.second == "v" else "each channel"
    return Built(call, kernel=f"outer product of {channels}, matrix product per (l1, l2)")


def runs_of(problem: Problem, mode: Mode) -> list[range]:
    """Return the numbers of the paths of each segment of the output: one, or all into an irrep."""
    ends = [path.ir3 for path in paths_of(problem)]
    if not mode.summed:
        return [range(k, k + 1) for k in range(len(ends))]
    starts = [(ends.index(ir), ends.count(ir)) for _, ir in mode.irreps(problem)]
    return [range(first, first + count) for first, count in starts]


def own(problem: Problem, w: Any, paths: int | range) -> Any:
    """Return the weights of one path, or of some that follow each other."""
    which = paths if isinstance(paths, int) else slice(paths.start, paths.stop)
    return w[:, which] if per_sample(problem) else w[which]


def weighted(mode: Mode, coupled: Any, w: Any) -> Any:
    """Return [batch, channels of the output, 2 l3 + 1] of coupled [batch, channels, 2 l3 + 1]."""
    product = coupled * w[..., None]
    for letter in set(mode.letters) - set(mode.out):
        product = product.sum(1 + mode.letters.index(letter))
    return product.reshape(len(coupled), -1, coupled.shape[-1])


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
