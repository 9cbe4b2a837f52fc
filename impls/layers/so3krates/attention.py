"""SO3krates with one gather at each end of an edge, and one sum over edges.

What a node sends and what it receives with are one row each: queries, keys and values of all heads,
and its vectors. O(F^2) for each edge in the filters, which see distances and invariants, O(F^2) for
each node [@frank2024].
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import channels_of, irreps_of
from impls.implementation import Built, Tensors
from impls.inputs.named import counts_of, cutoff_of
from impls.layers.perceptron import Network
from impls.layers.radial import lengths
from impls.layers.so3krates.operation import (
    BASIS,
    copies_of,
    features_of,
    heads_of,
    perceptrons_of,
    variables_of,
)
from impls.points.envelopes import envelope
from impls.points.harmonics import Harmonics, supports
from impls.problem import Problem


class Degrees:
    """Vectors x [n, channels, dim] and what they have by degree [n, channels degrees]."""

    def __init__(self, problem: Problem, b: Backend) -> None:
        """Make a table of which component is of which degree."""
        irreps = [ir for _, ir in variables_of(problem)]
        member = np.repeat(np.eye(len(irreps)), [ir.dim for ir in irreps], axis=0)
        self.channels, self.count = channels_of(problem), len(irreps)
        self.norms = b.table(member / np.sqrt([ir.dim for ir in irreps]))
        self.members = b.table(member.T)

    def invariants(self, x: Any) -> Any:
        """Return |x_l|^2 / sqrt(2l + 1) of vectors."""
        return ((x * x) @ self.norms).reshape(x.shape[0], self.channels * self.count)

    def spread(self, a: Any) -> Any:
        """Return a number of each degree at each of its components."""
        return a.reshape(a.shape[0], self.channels, self.count) @ self.members


class Filters:
    """w of features and of degrees, from distances and from invariants of pairs."""

    def __init__(self, problem: Problem, b: Backend) -> None:
        """Make the centres of the functions of a distance."""
        self.pairs = [(Network(r, b), Network(s, b)) for r, s in perceptrons_of(problem)]
        last = np.exp(-cutoff_of(problem))
        self.b, self.centres = b, b.table(np.linspace(last, 1, BASIS))
        self.scale = float(BASIS / (2 * (1 - last)))

    def __call__(self, r: Any, invariants: Any, weights: Tensors) -> list[Any]:
        """Return both [edges, F] of lengths r [edges, 1]."""
        away = (self.b.exp(-r) - self.centres) * self.scale
        e = self.b.exp(-away * away)
        return [radial(e, weights) + other(invariants, weights) for radial, other in self.pairs]


def heads(f: Any, w: Any) -> Any:
    """Return [n, F] of f [n, F], each head by a matrix of its own, w [heads, width, width]."""
    count, width, _ = w.shape
    split = f.reshape(f.shape[0], count, width).swapaxes(0, 1)
    return (split @ w).swapaxes(0, 1).reshape(f.shape[0], count * width)


def attention(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    copies, f_dim, c = copies_of(irreps_of(problem)[0]), features_of(problem), channels_of(problem)
    variables, (nodes, edges), cutoff = (
        variables_of(problem),
        counts_of(problem),
        cutoff_of(problem),
    )
    harmonics, filters = Harmonics([ir.l for _, ir in variables], b), Filters(problem, b)
    degrees, silu, within = Degrees(problem, b), b.activation("silu"), envelope("cosine", b)
    counts, x_dim = heads_of(problem), c * variables.dim

    def at_nodes(f: Any, x: Any, weights: Tensors) -> tuple[Any, Any]:
        """Return rows of nodes: what each receives with, and what it sends, values last."""
        flat = x.reshape(nodes, x_dim)
        queries = [silu(heads(f, weights[f"Q{n}"])) for n in (1, 2)]
        keys = [silu(heads(f, weights[f"K{n}"])) for n in (1, 2)]
        values = heads(f, weights["V"])
        return b.concatenate([*queries, flat], 1), b.concatenate([*keys, flat, values], 1)

    def attended(f: Any, x: Any, inputs: Tensors, weights: Tensors) -> Any:
        """Return the sums [nodes, F + vectors] of what features and vectors receive."""
        r = lengths(inputs["v"])
        receives, sends = at_nodes(f, x, weights)
        q1, q2, own = b.split(b.gather(receives, inputs["dst"]), (f_dim, f_dim, x_dim), 1)
        k1, k2, other, values = b.split(
            b.gather(sends, inputs["src"]), (f_dim, f_dim, x_dim, f_dim), 1
        )
        apart = (other - own).reshape(edges, c, variables.dim)
        alphas = []
        for w, q, k, count in zip(
            filters(r, degrees.invariants(apart), weights), (q1, q2), (k1, k2), counts, strict=True
        ):
            width = f_dim // count
            alpha = (q * w * k).reshape(edges, count, width).sum(2)
            alphas.append(alpha * (within(r / cutoff) * width**-0.5))
        values = values.reshape(edges, counts[0], f_dim // counts[0]) * alphas[0][:, :, None]
        vectors = degrees.spread(alphas[1]) * harmonics(inputs["v"])[:, None]
        sent = [values.reshape(edges, f_dim), vectors.reshape(edges, x_dim)]
        return b.segment_sum(b.concatenate(sent, 1), inputs["dst"], nodes)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        f, x = inputs["x"][..., :copies].reshape(nodes, f_dim), inputs["x"][..., copies:]
        of_f, of_x = b.split(attended(f, x, inputs, weights), (f_dim, x_dim), 1)
        f, x = f + of_f, x + of_x.reshape(nodes, c, variables.dim)
        known = b.concatenate([f, degrees.invariants(x)], 1)
        exchanged = known @ weights["E"] + weights["b"]
        f, x = f + exchanged[:, :f_dim], x + degrees.spread(exchanged[:, f_dim:]) * x
        return {"z": b.concatenate([f.reshape(nodes, c, copies), x], 2)}

    return Built(call, kernel="rows gathered once, one sum over edges")


ALGORITHM = Algorithm(
    "so3krates_layer",
    "attention",
    "rows gathered once, one sum over edges",
    attention,
    supports=supports,
    papers=("frank2024",),
    baseline=True,
)
