"""The gate as it is written: the linear map of `escn_o3`, and one factor for each of its rows.

In real components gate and activation are the same: each row is multiplied by the sigmoid of
itself, where it is 0e, or of its gate. The gates of all rows are one matrix product of the
invariants. Turning costs what it does in `escn`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import channels_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.points.edge_gate.operation import gated_of, invariants_of, reached_by
from impls.points.escn.in_frame import Rows, in_frame
from impls.points.escn.operation import ends_of, top_of
from impls.points.escn.so2 import linear_map
from impls.points.harmonics import supports
from impls.problem import Problem


def frame(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    inside, out = (Rows(irreps, top_of(problem)) for irreps in ends_of(problem))
    linear = linear_map(problem, True, inside, out, b)
    channels, gated, given = channels_of(problem), gated_of(problem), invariants_of(problem)
    inner = b.index(np.array([inside.middle(i) for i in given]))
    shape = len(gated), len(given), channels, channels
    factors = {part: n for n, part in enumerate(gated)}
    itself: list[int] = []
    source = np.zeros(out.start(len(out.irreps)), np.int64)  # of no map: y is zero
    for part in reached_by(problem):
        middle = out.middle(part.item)
        if part not in factors:
            factors[part] = len(gated) + len(itself)
            itself.append(middle)
        source[[middle + part.m, middle - part.m]] = factors[part]
    own, index = b.index(np.array(itself, np.int64)), b.index(source)

    def f(rows: Any, weights: Tensors) -> Any:
        y, g = linear(rows, weights["h"]), weights["g"].reshape(shape)
        matrix = (
            g.swapaxes(0, 1).swapaxes(1, 2).reshape(len(given) * channels, len(gated) * channels)
        )
        edges = rows.shape[0]
        gates = b.take(rows, inner, 1).reshape(edges, len(given) * channels) @ matrix
        gates = gates.reshape(edges, len(gated), channels)
        found = b.concatenate([gates, b.take(y, own, 1)], 1)
        return b.take(b.sigmoid(found), index, 1) * y

    return Built(in_frame(inside, out, f, b), kernel="gates of all rows as one matrix product")


ALGORITHM = Algorithm(
    "edge_gate",
    "frame",
    "gate in the edge frame",
    frame,
    supports=supports,
    papers=("xu2026",),
    growth=Growth({"lmax": 4, "channels": 2}, "few channels: frames; else L^3 C^2"),
)
