"""The table of a radial spline: its coefficients in the basis of cubic B-splines.

    S(x) = sum_j c_j B(x / h - j),  j = -1 .. knots,   h the spacing of the knots,
    B(t) = ((2 - |t|)_+^3 - 4 (1 - |t|)_+^3) / 6

so that S(x_i) = (c_(i-1) + 4 c_i + c_(i+1)) / 6, and S' at an end is (c_(i+1) - c_(i-1)) / 2h.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.backends import Backend
from impls.implementation import Tensors
from impls.inputs.named import cutoff_of
from impls.layers.radial import RadialNetwork
from impls.points.radial_network.operation import radial_of
from impls.points.radial_spline.operation import knots_of
from impls.problem import Problem
from impls.spaces import Array


def solution(knots: int) -> Array:
    """Return the matrix [knots + 2, knots] that makes coefficients of values at the knots."""
    equations, values = np.zeros((knots + 2, knots + 2)), np.zeros((knots + 2, knots))
    for i in range(knots):
        equations[i, i : i + 3] = np.array([1, 4, 1]) / 6
        values[i, i] = 1
    equations[knots, [0, 2]] = equations[knots + 1, [knots - 1, knots + 1]] = -1, 1
    return np.asarray(np.linalg.solve(equations, values))


class Table:
    """The coefficients of a problem's spline, made of the weights, in any framework."""

    def __init__(self, problem: Problem, b: Backend, more: int = 0) -> None:
        """Make the knots and the solution, with so many `more` rows of zeros at the end."""
        at = knots_of(problem)
        self.network = RadialNetwork(radial_of(problem), problem, b)
        self.at = b.table(at[:, None] * cutoff_of(problem))
        self.solution = b.table(np.pad(solution(len(at)), ((0, more), (0, 0))))

    def __call__(self, weights: Tensors) -> Any:
        """Return c [knots + 2 + more, functions]."""
        return self.solution @ self.network(self.at, weights)
