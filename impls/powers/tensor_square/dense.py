r"""Every pair of channels once: outer products of components, the coupling, then the weights.

For the pairs (u, v) of a path, x_u[l1] and x_v[l2] are gathered, [batch, pairs, m1 m2], coupled
with one matrix product, and mixed into the channels of the output with another [@geiger2022]. Paths
that have irreps and pairs in common share their outer product.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.feature import per_sample
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.powers.tensor_square.operation import Square, reached, squares_of
from impls.problem import Problem


class Group:
    """Paths of the same two irreps and pairs: gathered, multiplied and coupled together."""

    def __init__(self, squares: list[Square], b: Backend) -> None:
        left, right = np.array(squares[0].pairs).T
        self.in1, self.in2 = squares[0].path.in1, squares[0].path.in2
        self.left, self.right = b.index(left), b.index(right)
        tensors = np.concatenate([s.path.tensor for s in squares], axis=2)
        self.matrix = b.table(tensors.reshape(-1, tensors.shape[2]))
        ends = np.cumsum([0, *(s.path.ir3.dim for s in squares)]).tolist()
        self.parts = [(s, slice(*run)) for s, run in zip(squares, pairwise(ends), strict=True)]

    def __call__(self, x: Any) -> Any:
        """Return [batch, pairs, sum of 2 l3 + 1]."""
        left, right = x[:, self.left][..., self.in1], x[:, self.right][..., self.in2]
        outer = left[..., None] * right[:, :, None]
        return outer.reshape(*outer.shape[:2], -1) @ self.matrix


def dense(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm in a framework."""
    squares = squares_of(problem)
    keys = [(s.path.i1, s.path.i2, s.count) for s in squares]
    groups = [
        Group([s for s, other in zip(squares, keys, strict=True) if other == key], b)
        for key in dict.fromkeys(keys)
    ]
    runs = [[s for s in squares if s.path.ir3 == ir] for _, ir in reached(problem)]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        coupled: dict[int, Any] = {}
        for group in groups:
            together = group(inputs["x"])
            coupled |= {s.rows.start: together[..., columns] for s, columns in group.parts}
        return {"z": b.concatenate([mixed(coupled, weights["w"], r) for r in runs], -1)}

    def mixed(coupled: dict[int, Any], w: Any, run: list[Square]) -> Any:
        """Return the paths into one irrep as one matrix product over (path, pair)."""
        rows = slice(run[0].rows.start, run[-1].rows.stop)
        mine = w[:, rows] if per_sample(problem) else w[rows]
        return mine.swapaxes(-1, -2) @ b.concatenate([coupled[s.rows.start] for s in run], 1)

    return Built(call, kernel="outer product of each pair of channels, matrix product per (l1, l2)")


ALGORITHM = Algorithm(
    "tensor_square",
    "dense",
    "each pair of channels once, dense couplings",
    dense,
    papers=("geiger2022",),
    growth=Growth({"lmax": 6, "channels": 3}),
)
