"""GVP with its messages stored: perceptrons of the rows of edges, one sum, then of nodes.

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
    sizes_of,
)
from impls.layers.radial import lengths
from impls.layers.scalars_and_vectors import mean, norms
from impls.points.harmonics import supports_vectors
from impls.problem import Problem


class Parts:
    """How features are taken apart and joined: so many channels, copies of 0e and then of 1o.

    Copies and channels are counted together, channels slowest.
    """

    def __init__(self, channels: int, scalars: int, vectors: int) -> None:
        """Take the channels, and the copies of each in one of them."""
        self.channels, self.scalars, self.vectors = channels, scalars, vectors

    def apart(self, x: Any) -> tuple[Any, Any]:
        """Return invariants [n, A] and vectors [n, 3, B] of x [n, channels, dim]."""
        s = x[..., : self.scalars].reshape(x.shape[0], -1)
        v = x[..., self.scalars :].reshape(x.shape[0], self.channels * self.vectors, 3)
        return s, v.swapaxes(1, 2)

    def joined(self, s: Any, v: Any, b: Backend) -> Any:
        """Return x [n, channels, dim] of invariants [n, A] and vectors [n, 3, B]."""
        rows = s.shape[0]
        scalars = s.reshape(rows, self.channels, self.scalars)
        vectors = v.swapaxes(1, 2).reshape(rows, self.channels, 3 * self.vectors)
        return b.concatenate([scalars, vectors], -1)


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
    (nodes, edges), cutoff, size = counts_of(problem), cutoff_of(problem), sizes_of(problem)
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
        received = mean(b, b.concatenate([m, n.reshape(edges, 3 * size[1])], 1), ones, dst, nodes)
        m, n = b.split(received, (size[0], 3 * size[1]), 1)
        s, v = normed(s + m, v + n.reshape(nodes, 3, size[1]), "norm1", weights)
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
