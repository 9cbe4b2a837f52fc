"""EGAT with its messages stored; what scores take of nodes is made once a node and gathered."""

from __future__ import annotations

from functools import partial
from typing import Any

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import channels_of
from impls.implementation import Built, Tensors
from impls.inputs.named import counts_of
from impls.layers.attention import leaky, softmax_by_receiver
from impls.layers.egat.operation import HEADS
from impls.points.harmonics import supports_vectors
from impls.problem import Problem


def squares(apart: Any) -> Any:
    """Return |r_i - r_j|^2 [edges, 1]."""
    return (apart * apart).sum(-1)[:, None]


def differences(apart: Any) -> Any:
    """Return r_i - r_j [edges, 3]."""
    return apart


def attention(geometry: Any, problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm with what an edge has of positions; None is nothing."""
    (nodes, edges), c = counts_of(problem), channels_of(problem)
    silu, shape = b.activation("silu"), (edges, HEADS, c)

    def call(inputs: Tensors, w: Tensors) -> Tensors:
        h, src, dst = inputs["x"][..., 0], inputs["src"], inputs["dst"]
        sends = b.gather(h @ w["R"], src)
        e = inputs["a"] @ w["E"][:c]
        if geometry:
            apart = b.gather(inputs["r"], dst) - b.gather(inputs["r"], src)
            e = e + geometry(apart) @ w["E"][c:]
        before = b.gather(h @ w["L"] + w["b"], dst) + sends + e
        scores = (leaky(silu, before).reshape(shape) * w["w"]).sum(-1)
        alpha = softmax_by_receiver(b, scores, dst, nodes)
        m = alpha[..., None] * sends.reshape(shape)
        gathered = b.segment_sum(m.reshape(edges, HEADS * c), dst, nodes)
        found = {"h": (silu(gathered) @ w["M"] + w["M_b"])[..., None]}
        if not geometry:
            return found
        phi = silu(m[:, 0]) @ w["phi_w"][:, None] + w["phi_b"]
        return {**found, "r": inputs["r"] + b.segment_sum(apart * phi, dst, nodes)}

    return Built(call, kernel="messages stored")


ALGORITHMS = tuple(
    Algorithm(
        operation,
        "messages",
        "messages stored, one softmax for each receiver",
        partial(attention, geometry),
        supports=supports_vectors,
        papers=papers,
        baseline=True,
    )
    for operation, geometry, papers in (
        ("egat_layer", squares, ("schwehr2024",)),
        ("egat_released_layer", differences, ("schwehr2024",)),
        ("gatv2_layer", None, ("brody2022",)),
    )
)
