"""Gather at senders, multiply, add at receivers: three passes, with the messages stored.

O(L^2) for each edge and channel [@liao2023].
"""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.implementation import Built, Tensors
from impls.problem import Problem


def scatter(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = inputs["x"]
        messages = b.gather(x, inputs["src"]) * inputs["a"][:, :, None]
        return {"z": b.segment_sum(messages, inputs["dst"], x.shape[0])}

    return Built(call, kernel="messages stored, added at receivers")


ALGORITHM = Algorithm(
    "aggregation", "scatter", "messages stored, then summed", scatter, papers=("liao2023",)
)
