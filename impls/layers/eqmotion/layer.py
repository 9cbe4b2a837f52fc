"""EqMotion with its messages stored: perceptrons of the rows of edges, side by side.

The first maps of what is made of the row (h_i, h_j, d_ij) are one product: what they take of h is
made once a node, and gathered. Positions are those relative to r_i, so that no digit is lost to
where the whole lies, and differences have r_i - r_j added.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import channels_of
from impls.implementation import Built, Tensors
from impls.inputs.named import counts_of
from impls.layers.eqmotion.operation import EPSILON, KINDS, perceptrons_of
from impls.layers.features import innermost
from impls.layers.perceptron import Network
from impls.layers.scalars_and_vectors import norms
from impls.points.harmonics import supports_vectors
from impls.problem import Problem

EACH = tuple(f"kind{k}" for k in range(1, KINDS + 1))
ROWS = ("kinds", "message", *EACH)
"""The perceptrons of the rows of edges."""


def keep(b: Backend, q: Any, k: Any) -> Any:
    """Return q without what points against k, both [n, 3, C]."""
    product = (q * k).sum(1)
    against = product * b.is_negative(product)
    return q - (against / ((k * k).sum(1) + EPSILON))[:, None] * k


def messages(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    phi = {name: Network(one, b) for name, one in perceptrons_of(problem).items()}
    (nodes, edges), c = counts_of(problem), channels_of(problem)
    silu, ones = b.activation("silu"), b.table(np.ones((edges, 1)))

    def first(h: Any, lengths: Any, src: Any, dst: Any, w: Tensors) -> dict[str, Any]:
        """Return what the first maps make of the rows of edges, by name."""
        joined = b.concatenate([w[f"{name}_W1"] for name in ROWS], 1)
        made = b.gather(h @ joined[:c], dst) + b.gather(h @ joined[c : 2 * c], src)
        parts = b.split(made + lengths @ joined[2 * c :], [c for _ in ROWS], 1)
        return dict(zip(ROWS, parts, strict=True))

    def likely(a: Any) -> Any:
        """Return the kinds [edges, 2], of which each is a sigmoid of how far its score is ahead."""
        ahead = a[:, :1] - a[:, 1:]
        return b.sigmoid(b.concatenate([ahead, -ahead], 1))

    def call(inputs: Tensors, w: Tensors) -> Tensors:
        r, src, dst = inputs["r"], inputs["src"], inputs["dst"]
        h, x = inputs["x"][:, 0], inputs["x"][:, 1:]
        between = (b.gather(r, dst) - b.gather(r, src))[:, :, None]
        apart = between + b.gather(x, dst) - b.gather(x, src)
        rows = first(h, norms(b, apart), src, dst, w)
        kinds = likely(phi["kinds"].after(rows["kinds"], w))
        each = [phi[name].after(rows[name], w) for name in EACH]
        factors = phi["factor"](sum(kinds[:, k : k + 1] * a for k, a in enumerate(each)), w)
        m = phi["message"].after(rows["message"], w)

        sent = b.concatenate([(factors[:, None] * apart), -apart.mean(2)[:, :, None]], 2)
        summed = b.segment_sum(sent, dst, nodes)
        degrees = b.segment_sum(ones, dst, nodes)
        centres = x.mean(2)[:, :, None] + summed[:, :, c:] / (degrees[:, None] + 1)
        attention = silu(h @ w["A"] + w["a"])[:, None]
        y = x - centres
        y = y + attention * y + x @ w["V"] + summed[:, :, :c]
        vectors = centres + keep(b, y @ w["Q"], y @ w["K"])

        gathered = b.segment_sum(m, dst, nodes)
        new = h + phi["node"](b.concatenate([h, gathered], 1), w)
        return {"z": b.concatenate([new[:, None], vectors], 1), "kinds": kinds}

    return Built(call, kernel="messages stored, perceptrons of rows", **innermost(b, "x", "z"))


ALGORITHM = Algorithm(
    "eqmotion_layer",
    "messages",
    "messages stored, perceptrons of rows",
    messages,
    supports=supports_vectors,
    papers=("xu2023",),
    baseline=True,
)
