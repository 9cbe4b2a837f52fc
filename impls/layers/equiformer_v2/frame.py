"""The attention as it is written: SO(2) maps in the frame, the grid by one matrix each way.

The grid has its polar axis along the edge, and takes the rows |m| <= m_max alone: O(L^2 R^2) for R
rings. All heads are one softmax [@liao2024].
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import channels_of, irreps_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.inputs.named import counts_of
from impls.layers.attention import heads_to_channels, leaky, softmax_by_receiver
from impls.layers.edge_frames import WAYS, EdgeMaps, Way
from impls.layers.edge_maps import parts_of, top_of
from impls.layers.equiformer_v2.operation import (
    EPSILON,
    ORDER,
    READ,
    heads_of,
    output_of,
    rings_of,
    scalar_of,
)
from impls.layers.features import innermost
from impls.layers.mixing import Mixed
from impls.points.harmonics import supports
from impls.pointwise.grid_nonlinearity.dense import grid_of
from impls.problem import Problem
from impls.so3.harmonics import spherical_harmonics


class OnGrid:
    """The activation of all degrees but the scalar, on rows in the frame of an edge."""

    def __init__(self, problem: Problem, b: Backend) -> None:
        """Make the harmonics of the rows, and their weighted transpose without the scalar."""
        node, top, grid = irreps_of(problem)[0], top_of(problem), grid_of(rings_of(problem))
        every = spherical_harmonics(node.lmax, grid.points().reshape(-1, 3))
        rows = [
            every[:, ir.l**2 + ir.l + m]
            for _, ir in node
            for m in range(-min(ir.l, top), min(ir.l, top) + 1)
        ]
        to_grid = np.stack(rows, axis=1)
        place = parts_of(problem)[scalar_of(problem)].start
        back = (to_grid * grid.weights().reshape(-1, 1)).T
        self.before, self.after = b.table(back[:place]), b.table(back[place + 1 :])
        self.to_grid, self.silu, self.b = b.table(to_grid), b.activation("silu"), b

    def __call__(self, s: Any, gate: Any) -> Any:
        """Return y [edges, rows, channels] of s, the scalar made of `gate` [edges, 1, channels]."""
        values = self.silu(self.to_grid @ s)
        around = [part @ values for part in (self.before, self.after) if part.shape[0]]
        place = int(self.before.shape[0] > 0)
        around.insert(place, self.silu(gate))
        return around[0] if len(around) == 1 else self.b.concatenate(around, 1)


def frame(way: Way, problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm with one way to compute an SO(2) map."""
    channels, heads, nodes = channels_of(problem), heads_of(problem), counts_of(problem)[0]
    hidden, activated = parts_of(problem)[-1].stop, OnGrid(problem, b)
    silu, each = b.activation("silu"), READ * channels // heads

    def scores(read: Any, weights: Tensors) -> Any:
        own = read.reshape(read.shape[0], heads, each)
        centred = own - own.mean(-1)[..., None]
        scale = ((centred * centred).mean(-1)[..., None] + EPSILON) ** -0.5
        normed = centred * scale * weights["gain"] + weights["offset"]
        return (leaky(silu, normed) * weights["w"]).sum(-1)

    def between(y: Any, r: Any, inputs: Tensors, weights: Tensors) -> tuple[Any, Any]:
        a = scores(y[:, hidden : hidden + READ], weights)
        alpha = softmax_by_receiver(b, a, inputs["dst"], nodes)
        found = activated(y[:, :hidden], y[:, hidden + READ :])
        return found, heads_to_channels(b, alpha, channels)[:, None]

    messages = EdgeMaps(problem, READ + 1, ORDER, between, way, b)
    mixed = Mixed(output_of(problem), b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": mixed(messages(inputs, weights), weights)}

    rings = rings_of(problem)
    kernel = f"SO(2) maps, {rings} x {2 * rings} points an edge, D in the call"
    return Built(call, kernel=kernel, **innermost(b, "x", "z"))


ALGORITHMS = tuple(
    Algorithm(
        "equiformer_v2_layer",
        way.name,
        f"{way.title}, grid by matrices",
        partial(frame, way),
        supports=supports,
        papers=("liao2024", way.paper),
        growth=Growth({"lmax": 4, "channels": 2}, "few channels: frames and grid; else L^3 C^2"),
    )
    for way in WAYS
)
