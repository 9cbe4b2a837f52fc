"""PaiNN with its messages stored, and one sum over edges for scalars and vectors together.

phi is made once a node and gathered, as the paper says. Features are [nodes, 1 + 3, F], so that a
linear map of channels is a product with a matrix. O(F) for each edge beside its filter, O(F^2) for
each node [@schutt2021].
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import channels_of
from impls.implementation import Built, Tensors
from impls.inputs.named import counts_of, cutoff_of
from impls.layers.features import innermost
from impls.layers.painn.operation import BASIS, perceptrons_of
from impls.layers.perceptron import Network
from impls.layers.radial import lengths
from impls.layers.scalars_and_vectors import norms
from impls.points.envelopes import envelope
from impls.points.harmonics import supports_vectors
from impls.problem import Problem


def messages(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    phi, a = (Network(each, b) for each in perceptrons_of(problem))
    f, nodes, cutoff = channels_of(problem), counts_of(problem)[0], cutoff_of(problem)
    frequencies, within = b.table(np.pi * np.arange(1, BASIS + 1)), envelope("cosine", b)

    def filters(r: Any, w: Any) -> Any:
        """Return W(r) [edges, 3F] of lengths r [edges, 1]."""
        x = r / cutoff
        return (b.sin(x * frequencies) * (within(x) / r)) @ w

    def message(s: Any, vectors: Any, inputs: Tensors, weights: Tensors) -> Any:
        """Return the sums [nodes, 4, F] of what is sent to scalars and to vectors."""
        src, r = inputs["src"], lengths(inputs["v"])
        filtered = b.gather(phi(s, weights), src) * filters(r, weights["W"])
        p, q, t = b.split(filtered[:, None], (f, f, f), 2)
        sent = b.gather(vectors, src) * q + (inputs["v"] / r)[:, :, None] * t
        return b.segment_sum(b.concatenate([p, sent], 1), inputs["dst"], nodes)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        s, vectors = inputs["x"][:, 0], inputs["x"][:, 1:]
        sums = message(s, vectors, inputs, weights)
        s, vectors = s + sums[:, 0], vectors + sums[:, 1:]
        u, left = vectors @ weights["U"], vectors @ weights["L"]
        found = a(b.concatenate([s, norms(b, left)], 1), weights)
        p, q, t = b.split(found, (f, f, f), 1)
        s = s + p + q * (u * left).sum(1)
        return {"z": b.concatenate([s[:, None], vectors + t[:, None] * u], 1)}

    kernel = "messages stored, one sum over edges"
    return Built(call, kernel=kernel, **innermost(b, "x", "z"))


ALGORITHM = Algorithm(
    "painn_layer",
    "messages",
    "messages stored, one sum over edges",
    messages,
    supports=supports_vectors,
    papers=("schutt2021",),
    baseline=True,
)
