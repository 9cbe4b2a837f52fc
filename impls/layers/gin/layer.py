"""GIN with its first linear map at nodes, and a row of it for each place where nodes are numbered.

A unit vector times a matrix is a row of it, so that what the first map makes of places is gathered.
Sums over edges are those of what it has made: C numbers for each edge, and for each order.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import channels_of
from impls.implementation import Built, Target, Tensors
from impls.inputs.named import counts_of
from impls.layers.gin.operation import AVERAGED, FRAMED, PLAIN, all_of, none_of, perceptron_of
from impls.layers.gin.orders import WEIGHTS, frame_of
from impls.layers.perceptron import Network
from impls.problem import Problem, Refusal


def plain(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer without an order."""
    f, nodes = Network(perceptron_of(none_of, problem), b), counts_of(problem)[0]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        h = inputs["x"][..., 0] @ weights["mlp_W1"]
        met = b.segment_sum(b.gather(h, inputs["src"]), inputs["dst"], nodes)
        return {"z": f.after((1 + weights["eps"]) * h + met, weights)[..., None]}

    return Built(call, kernel="first map at nodes, one sum over edges")


def numbered(
    places: Callable[[Problem], np.ndarray], problem: Problem, b: Backend, options: Options
) -> Built:
    """Build the layer averaged over orders of the nodes."""
    f, nodes = Network(perceptron_of(places, problem), b), counts_of(problem)[0]
    c, among = channels_of(problem), places(problem)
    count, table, eye = len(among), b.index(among.T.ravel()), b.table(np.eye(nodes))

    def ranks(inputs: Tensors) -> Any:
        """Return the place of each node by ascending score [nodes]."""
        src, dst = inputs["src"], inputs["dst"]
        counted = b.segment_sum(b.gather(eye, src), dst, nodes)
        both = counted + counted.T
        degrees = both.sum(1)
        root = degrees**-0.5
        walk = root[:, None] * both * root
        score, power = degrees / degrees.sum(), walk
        for weight in WEIGHTS:
            power = power @ walk
            score = score + weight * (power * eye).sum(1)
        return b.argsort(b.argsort(score))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        src, dst, first = inputs["src"], inputs["dst"], weights["mlp_W1"]
        h = inputs["x"][..., 0] @ first[:c]
        rows = b.gather(first[c:], table).reshape(nodes, count, c)
        if places is frame_of:
            rows = b.gather(rows, ranks(inputs))
        seen = h[:, None] + rows
        met = b.segment_sum(b.gather(seen, src), dst, nodes)
        said = f.after((1 + weights["eps"]) * seen + met, weights)
        return {"z": said.mean(1)[..., None]}

    return Built(call, kernel="rows of the first map at places, one sum over edges for each order")


def _supports(problem: Problem, target: Target) -> Refusal | None:
    if problem.dtype == "bfloat16" or target.precision == "bf16":
        return Refusal("scores in bfloat16 order no nodes", "use float32")
    return None


ALGORITHMS = (
    Algorithm(
        PLAIN.name,
        "nodes",
        "first map at nodes, one sum over edges",
        plain,
        papers=("xu2019",),
    ),
    Algorithm(
        FRAMED.name,
        "nodes",
        "rows at places by score, one sum over edges for each order",
        partial(numbered, frame_of),
        supports=_supports,
        papers=("puny2022",),
    ),
    Algorithm(
        AVERAGED.name,
        "nodes",
        "rows at places, one sum over edges for each order",
        partial(numbered, all_of),
        papers=("puny2022",),
    ),
)
