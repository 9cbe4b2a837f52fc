"""The block as it is written, in the frame of each edge: a matrix product for each order and map.

Channels are innermost throughout. Turning all irreps of an edge by one matrix costs O(L^4 C), in
few products [@passaro2023]; `block` has both weights of an order in one matrix [@fairchem2026].
"""

from __future__ import annotations

from functools import partial
from typing import Any

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.inputs.named import cutoff_of
from impls.layers.edge_frames import WAYS, EdgeMaps, Way
from impls.layers.edge_maps import parts_of, top_of
from impls.layers.esen.operation import ORDER, gated_of, gates_of
from impls.layers.features import innermost
from impls.layers.gating import Gate
from impls.layers.radial import Envelope
from impls.points.harmonics import supports
from impls.problem import Problem


def frame(way: Way, problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm with one way to compute an SO(2) map."""
    gated = gated_of(problem)
    gate = Gate(gated.irreps, gated.items, parts_of(problem), b.sigmoid, b)
    envelope, cutoff = Envelope(ORDER, b), cutoff_of(problem)

    def between(y: Any, r: Any, inputs: Tensors, weights: Tensors) -> tuple[Any, Any]:
        return gate(y), envelope(r / cutoff)[:, :, None]

    messages = EdgeMaps(problem, gates_of(problem), ORDER, between, way, b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": messages(inputs, weights)}

    kernel = f"maps of {top_of(problem) + 1} orders, D in the call"
    return Built(call, kernel=kernel, **innermost(b, "x", "z"))


ALGORITHMS = tuple(
    Algorithm(
        "esen_layer",
        way.name,
        way.title,
        partial(frame, way),
        supports=supports,
        papers=("fu2025", way.paper),
        growth=Growth({"lmax": 4, "channels": 2}, "few channels: frames; else L^3 C^2"),
    )
    for way in WAYS
)
