"""GVP with its messages stored: perceptrons of the rows of edges, then of the rows of nodes.

Vectors are [.., 3, B], so that a linear map of rows is a product with a matrix. O(C^2) for each
edge and each node [@jing2021].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import channels_of, irreps_of
from impls.implementation import Built, Tensors
from impls.inputs.named import counts_of, cutoff_of
from impls.layers.gvp.operation import (
    BASIS,
    EPSILON,
    VectorPerceptron,
    copies_of,
    perceptrons_of,
)
from impls.layers.radial import lengths
from impls.layers.scalars_and_vectors import Parts, mean, norms
from impls.points.harmonics import supports_vectors
from impls.problem import Problem


class VectorNetwork:
    """Some geometric vector perceptrons, one after another, in any framework."""

    def __init__(self, perceptrons: Sequence[VectorPerceptron], b: Backend) -> None:
        """Take the perceptrons, the first first."""
        self.perceptrons, self.b, self.silu = perceptrons, b, b.activation("silu")

    def __call__(self, s: Any, v: Any, weights: Tensors) -> tuple[Any, Any]:
        """Return (s', V') of invariants [n, A] and vectors [n, 3, B]."""
        for one in self.perceptrons:
            hidden = v @ weights[f"{one.name}_Wh"]
            v = hidden @ weights[f"{one.name}_Wv"]
            joined = self.b.concatenate([s, norms(self.b, hidden)], 1)
            s = joined @ weights[f"{one.name}_Ws"] + weights[f"{one.name}_b"]
            if not one.linear:
                s, v = self.silu(s), v * self.b.sigmoid(norms(self.b, v))[:, None]
        return s, v


def normed(s: Any, v: Any, name: str, weights: Tensors) -> tuple[Any, Any]:
    """Return layer norm of invariants [n, A], and vectors [n, 3, B] over their mean length."""
    s = s - s.mean(1)[:, None]
    s = s * (((s * s).mean(1) + EPSILON) ** -0.5)[:, None] * weights[f"{name}_g"]
    size = ((v * v).sum((1, 2)) / v.shape[2] + EPSILON) ** -0.5
    return s + weights[f"{name}_b"], v * size[:, None, None]


def messages(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    g, f = (VectorNetwork(each, b) for each in perceptrons_of(problem))
    parts = Parts(channels_of(problem), *copies_of(irreps_of(problem)[0]))
    (nodes, edges), cutoff = counts_of(problem), cutoff_of(problem)
    centres = b.table(np.linspace(0, BASIS, BASIS))
    ones = b.table(np.ones((edges, 1)))

    def of_edges(v: Any) -> tuple[Any, Any]:
        """Return the radial functions [edges, BASIS] and directions [edges, 3, 1]."""
        r = lengths(v)
        away = r * (BASIS / cutoff) - centres
        return b.exp(-away * away), (v / r)[:, :, None]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        src, dst = inputs["src"], inputs["dst"]
        s, v = parts.apart(inputs["x"])
        radial, direction = of_edges(inputs["v"])
        sent = (
            b.concatenate([b.gather(s, src), radial], 1),
            b.concatenate([b.gather(v, src), direction], 2),
        )
        m, n = g(*sent, weights)
        s, v = s + mean(b, m, ones, dst, nodes), v + mean(b, n, ones, dst, nodes)
        s, v = normed(s, v, "norm1", weights)
        m, n = f(s, v, weights)
        return {"z": parts.joined(*normed(s + m, v + n, "norm2", weights), b)}

    return Built(call, kernel="messages stored, perceptrons of rows")


ALGORITHM = Algorithm(
    "gvp_layer",
    "messages",
    "messages stored, perceptrons of rows",
    messages,
    supports=supports_vectors,
    papers=("jing2021",),
    baseline=True,
)
