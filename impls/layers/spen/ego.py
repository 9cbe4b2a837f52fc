r"""Ego nets: of each node u, the nodes S_u that are at most k edges away, u among them.

As a mask, [batch, n, n] with 1 where the second node is in the ego net of the first; it is
symmetric. Of graphs in which no node has more than d neighbours, an ego net has at most

    m = min(n, 1 + d + d (d - 1) + .. + d (d - 1)^(k - 1))

nodes, which is known before the graph is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.backends import Backend
from impls.families.graphs import GraphsSizes
from impls.operation import Knob
from impls.problem import Problem
from impls.spaces import Array

FARTHEST = 2
"""The largest radius of a sweep: two steps are most of a small graph."""
HOPS = Knob("hops", lambda problem: 1, lambda problem: tuple(range(1, FARTHEST + 1)))
"""The radius k of an ego net, in edges."""


def most_of(problem: Problem) -> int:
    """Return m, the most nodes that an ego net can have."""
    s, count, shell = GraphsSizes.of(problem), 1, GraphsSizes.of(problem).degree
    for _ in range(HOPS.of(problem)):
        count, shell = count + shell, shell * (s.degree - 1)
    return min(s.nodes, count)


def oracle(problem: Problem, a: Array) -> Array:
    """Return the mask [batch, n, n] of a [batch, n, n]: whose distance in edges is at most k."""
    edges = a > 0.5
    reached = np.broadcast_to(np.eye(a.shape[1], dtype=bool), a.shape)
    for _ in range(HOPS.of(problem)):
        reached = reached | np.any(reached[:, :, :, None] & edges[:, None], axis=2)
    return reached.astype(np.float64)


class EgoNets:
    """The mask in any framework, by powers of I + A."""

    def __init__(self, problem: Problem, b: Backend) -> None:
        """Take the radius from the problem."""
        self.hops, self.b, self.one = HOPS.of(problem), b, b.table(np.ones(1))
        self.eye = b.table(np.eye(GraphsSizes.of(problem).nodes))

    def __call__(self, a: Any) -> tuple[Any, Any]:
        """Return the mask [batch, n, n], and that of one step, of the data type of the problem."""
        step = self.b.is_negative(0.5 - a - self.eye) * self.one
        reached = step
        for _ in range(self.hops - 1):
            reached = self.b.is_negative(0.5 - reached @ step) * self.one
        return reached, step
