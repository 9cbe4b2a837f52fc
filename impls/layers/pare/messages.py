"""PARE-Conv with its messages stored, and the bank of matrices at nodes or at edges.

At `edges` each of the B matrices meets one row of 2C + 1 vectors for each edge, as the layer is
written: O(B C^2) for each edge [@yao2024]. At `nodes` what they take of features is made once a
node and gathered, which is the same map, since (F_k - F_i, F_k) is linear in both nodes. The first
block has no features, and no choice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import channels_of
from impls.implementation import Built, Tensors
from impls.inputs.named import counts_of
from impls.layers.features import innermost
from impls.layers.pare.operation import BANK, EPSILON, PLACE, WEIGH, half_of, update_of
from impls.layers.perceptron import Network
from impls.layers.scalars_and_vectors import crossed, mean, norms
from impls.layers.vector_neurons import VectorNetwork
from impls.points.harmonics import supports_vectors
from impls.problem import Problem

Banked = Callable[[Any, Any], Any]
"""Of P [edges, 3, 3] and the bank [e, B half], what each matrix makes of each edge."""


class Convolution:
    """What both blocks have, with vectors [n, 3, channels] in it."""

    def __init__(self, problem: Problem, b: Backend) -> None:
        """Make its networks."""
        self.b, self.cross = b, crossed(b)
        self.seen, self.chosen = VectorNetwork(PLACE, b), Network(WEIGH, b)
        self.update = [VectorNetwork(neurons, b) for neurons in update_of(problem)]
        (self.nodes, edges), self.half = counts_of(problem), half_of(problem)
        self.ones = b.table(np.ones((edges, 1)))

    def __call__(self, p: Any, dst: Any, weights: Tensors, banked: Banked) -> Any:
        """Return y [nodes, 3, channels]."""
        b = self.b
        centre = b.gather(mean(b, p, self.ones, dst, self.nodes), dst)
        places = b.concatenate([a[:, :, None] for a in (p, centre, self.cross(p, centre))], 2)
        s = b.softmax(self.chosen(norms(b, self.seen(places, weights)), weights))
        flat = weights["B"].swapaxes(0, 1).reshape(-1, BANK * self.half)
        m = banked(places, flat).reshape(-1, 3, BANK, self.half)
        m = (m * s[:, None, :, None]).sum(2)
        m = m * (((m * m).sum(1) + EPSILON) ** -0.5)[:, None]
        y = mean(b, m, self.ones, dst, self.nodes)
        for network in self.update:
            y = network(y, weights)
        return y


def lift(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the first block."""
    convolution = Convolution(problem, b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        p, dst = inputs["v"], inputs["dst"]
        return {"z": convolution(p, dst, weights, lambda places, bank: places @ bank)}

    return Built(call, kernel="messages stored, one sum over edges", **innermost(b, "z"))


def layer(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the others."""
    convolution, c = Convolution(problem, b), channels_of(problem)
    at_nodes = options["bank"] == "nodes"

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, p, src, dst = (inputs[name] for name in ("x", "v", "src", "dst"))

        def banked(places: Any, bank: Any) -> Any:
            if not at_nodes:
                sent, received = b.gather(x, src), b.gather(x, dst)
                return b.concatenate([sent - received, sent, p[:, :, None]], 2) @ bank
            sends, receives = x @ (bank[:c] + bank[c : 2 * c]), x @ bank[:c]
            return b.gather(sends, src) - b.gather(receives, dst) + p[:, :, None] * bank[2 * c]

        return {"z": x + convolution(p, dst, weights, banked)}

    return Built(call, kernel="messages stored, one sum over edges", **innermost(b, "x", "z"))


ALGORITHMS = (
    Algorithm(
        "pare_lift_layer",
        "messages",
        "messages stored, one sum over edges",
        lift,
        supports=supports_vectors,
        papers=("yao2024",),
    ),
    Algorithm(
        "pare_layer",
        "messages",
        "messages stored, one sum over edges",
        layer,
        supports=supports_vectors,
        options={"bank": ("nodes", "edges")},
        papers=("yao2024",),
        baseline=True,
    ),
)
