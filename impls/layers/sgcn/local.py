"""S-GCN with its matrices of channels after the sums over edges, or before what is sent.

At `receivers` each edge adds Y_lm h_j, dim C numbers, and the matrices meet the sums of nodes. At
`senders` they meet h, and each edge gathers dim C numbers and adds C. Both are O(L^2 C) for each
edge and O(L^2 C^2) for each node [@igashov2021].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import channels_of, irreps_of
from impls.implementation import Built, Tensors
from impls.inputs.named import counts_of
from impls.points.harmonics import Harmonics, supports_vectors
from impls.problem import Problem


def frames(b: Backend) -> Callable[[Any, Any], Any]:
    """Return what makes the frames [n, 3, 3] of u and t [n, 3], with e1, e2 and e3 as rows."""
    after, before = b.index(np.array([1, 2, 0])), b.index(np.array([2, 0, 1]))

    def unit(a: Any) -> Any:
        return a / (a * a).sum(-1)[:, None] ** 0.5

    def rows(u: Any, t: Any) -> Any:
        one = unit(u)
        other = unit(t - (t * one).sum(-1)[:, None] * one)
        third = b.take(one, after) * b.take(other, before)
        third = third - b.take(one, before) * b.take(other, after)
        return b.concatenate([one[:, None], other[:, None], third[:, None]], 1)

    return rows


def local(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    (nodes, edges), c, edge = counts_of(problem), channels_of(problem), irreps_of(problem)[1]
    harmonics, made, dim = Harmonics([ir.l for _, ir in edge], b), frames(b), edge.dim
    activation, at_receivers = b.activation("silu"), options["matrices"] == "receivers"

    def directions(inputs: Tensors) -> Any:
        """Return the vectors of edges in the frames of their receivers [edges, 3]."""
        v, dst = inputs["v"], inputs["dst"]
        weighted = (inputs["a"][:, :2, None] * v[:, None]).reshape(edges, 6)
        both = b.segment_sum(weighted, dst, nodes)
        return (b.gather(made(both[:, :3], both[:, 3:]), dst) @ v[:, :, None])[:, :, 0]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        h, src, dst = inputs["x"][..., 0], inputs["src"], inputs["dst"]
        y = harmonics(directions(inputs))
        if at_receivers:
            sums = b.segment_sum(b.outer(y, b.gather(h, src)), dst, nodes)
            found = sums @ weights["W"].reshape(dim * c, c)
        else:
            sent = (h @ weights["W"].swapaxes(0, 1).reshape(c, dim * c)).reshape(nodes, dim, c)
            found = b.segment_sum((b.gather(sent, src) * y[:, :, None]).sum(1), dst, nodes)
        return {"z": activation(found + h @ weights["W0"] + weights["b"])[..., None]}

    return Built(call, kernel="harmonics in frames of nodes, one sum over edges")


ALGORITHM = Algorithm(
    "sgcn_layer",
    "local",
    "harmonics in frames of nodes, one sum over edges",
    local,
    supports=supports_vectors,
    options={"matrices": ("receivers", "senders")},
    papers=("igashov2021",),
)
