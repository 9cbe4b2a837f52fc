"""Messages of two SO(2) maps in any framework; what they are is in `impls.layers.edge_maps`.

Both ends of an edge are turned by one matrix, and messages by its transpose; D is made in the call.
The maps are those of `escn`: a product for h and one for k of each order, or both in one matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from impls.backends import Backend
from impls.families.points import channels_of, irreps_of
from impls.implementation import Tensors
from impls.inputs.named import counts_of
from impls.layers.edge_maps import (
    first_of,
    functions_of,
    orders_of,
    radial_of,
    second_of,
    top_of,
)
from impls.layers.radial import RadialNetwork, lengths
from impls.points.escn import block, so2
from impls.points.escn.frame import frames
from impls.points.escn.in_frame import Rotation, Rows
from impls.pointwise.wigner import Wigner
from impls.problem import Problem

Linear = Callable[[Any, Any], Any]
"""An SO(2) map of rows [edges, rows, channels] and weights [paths, channels, channels]."""


@dataclass(frozen=True)
class Way:
    """A way to compute SO(2) maps: its name, what people read, whose it is."""

    name: str
    title: str
    paper: str
    linear: Callable[[Problem, Rows, Rows, Backend], Linear]


def _apart(problem: Problem, inside: Rows, out: Rows, b: Backend) -> Linear:
    return so2.linear_map(problem, False, inside, out, b)


WAYS = (
    Way("so2", "SO(2) maps in the edge frame", "passaro2023", _apart),
    Way("block", "SO(2) maps, h and k in one matrix", "fairchem2026", block.linear_map),
)

Between = Callable[[Any, Any, Tensors, Tensors], tuple[Any, Any]]
"""Of y [edges, rows, channels], lengths [edges, 1], inputs and weights: f(y) [edges, rows of hidden
features, channels], and s [edges, 1, channels or 1]."""


class EdgeMaps:
    """The messages in any framework, summed; channels are innermost."""

    def __init__(
        self,
        problem: Problem,
        invariants: int,
        p: int,
        between: Between,
        way: Way,
        b: Backend,
    ) -> None:
        """Make the maps and what turns features."""
        self.b, self.between, self.nodes = b, between, counts_of(problem)[0]
        first, second, top = first_of(problem, invariants), second_of(problem), top_of(problem)
        node, _, out = irreps_of(problem)
        both, hidden_rows, sent = (Rows(i, top) for i in (irreps_of(first)[0], node, out))
        after = Rows(irreps_of(first)[2], top)
        self.wigner = Wigner(max(node.lmax, out.lmax), b)
        self.turn, self.same = Rotation(hidden_rows, b), functions_of(node) == functions_of(out)
        self.turn_out = Rotation(sent, b)
        self.first = way.linear(first, both, after, b)
        self.second = way.linear(second, hidden_rows, sent, b)
        self.radial = RadialNetwork(radial_of(problem, p), problem, b)
        places = {place: n for n, place in enumerate(orders_of(problem))}
        self.shape = -1, len(places), channels_of(problem)
        index = [
            places[i, abs(m)]
            for i in range(len(both.irreps))
            for m in range(-both.orders(i), both.orders(i) + 1)
        ]
        self.index = b.index(np.array(index))

    def __call__(self, inputs: Tensors, weights: Tensors) -> Any:
        """Return z [nodes, dim, channels] of x [nodes, dim, channels]."""
        b, x, v = self.b, inputs["x"], inputs["v"]
        edges, r = v.shape[0], lengths(v)
        matrices = self.wigner(frames(v, b))
        forth = self.turn(matrices, edges)
        ends = [forth @ b.gather(x, inputs[end]) for end in ("src", "dst")]
        found = self.radial(r, weights) + weights["c"]
        w = b.take(found.reshape(self.shape), self.index, 1)
        y = self.first(b.concatenate(ends, 1) * w, weights["h1"])
        opened, factors = self.between(y, r, inputs, weights)
        message = self.second(opened, weights["h2"]) * factors
        back = forth if self.same else self.turn_out(matrices, edges)
        return b.segment_sum(back.swapaxes(1, 2) @ message, inputs["dst"], self.nodes)
