"""ArtEq with the features of all anchors at once, the first map turned or the points.

U A_a^T p is a map U A_a^T of p: with `turned` = "weights" all anchors are one matrix product of the
points as they are, and what features add is made once a point. With "points" the cloud is turned
back by each anchor first, as the layer is written, and both maps are made at each.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.parts import shape_of
from impls.groups.finite import rotations
from impls.implementation import Built, Target, Tensors
from impls.layers.arteq.operation import ANCHORS, EPSILON, weigher
from impls.layers.perceptron import Network
from impls.problem import Problem, Refusal


def anchored(poses: bool, problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm; the parts of all bodies are one axis in it, and anchors another."""
    batch, parts, points, c = shape_of(problem)
    count, rows, tanh = int(ANCHORS.of(problem)), batch * parts, b.activation("tanh")
    turns = rotations(count)
    anchors, flat = b.table(turns), b.table(turns.reshape(count, 9))
    weigh = Network(weigher(problem), b)
    turned_weights = options["turned"] == "weights"

    def before(p: Any, h: Any, weights: Tensors) -> Any:
        """Return what the activation meets, [rows, points, K, C]."""
        if turned_weights:
            maps = (anchors @ weights["U"]).swapaxes(0, 1).reshape(3, count * c)
            moved = (p @ maps).reshape(rows, points, count, c)
            return moved + (h @ weights["G"] + weights["u"])[:, :, None]
        back = p[:, None] @ anchors
        seen = b.concatenate([back, b.broadcast(h[:, None], (rows, count, points, c))], 3)
        found = seen @ b.concatenate([weights["U"], weights["G"]], 0) + weights["u"]
        return found.swapaxes(1, 2)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        r = inputs["r"].reshape(rows, points, 3)
        h = inputs["h"].reshape(rows, points, c)
        f = tanh(before(r - r.mean(1)[:, None], h, weights)).mean(1)
        if not poses:
            return {"s": f.mean(1).reshape(batch, parts, c)}
        f = f - f.mean(1)[:, None]
        f = f * (((f * f).mean(1) + EPSILON) ** -0.5)[:, None]
        q, k, v = (f @ weights[name] for name in "QKV")
        o = f + b.softmax(q @ k.swapaxes(1, 2) * c**-0.5) @ v
        w = b.softmax(weigh(o, weights) @ weights["t"])
        return {"M": (w @ flat).reshape(batch, parts, 3, 3)}

    return Built(call)


def _supports(problem: Problem, target: Target) -> Refusal | None:
    if problem.dtype == "bfloat16" or target.precision == "bf16":
        return Refusal("means of rotations in bfloat16 are no pose", "use float32")
    return None


ALGORITHMS = tuple(
    Algorithm(
        operation,
        "anchors",
        "features of all anchors at once",
        partial(anchored, poses),
        supports=_supports,
        options={"turned": ("weights", "points")},
        papers=("feng2023",),
    )
    for operation, poses in (("arteq_layer", True), ("arteq_invariants", False))
)
