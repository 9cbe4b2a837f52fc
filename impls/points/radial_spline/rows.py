"""Radial spline by the four coefficients of each length: rows of the table, gathered.

Between knots i and i + 1, at u = x / h - i,

    S = (c_(i-1) (1 - u)^3 + c_i (4 - 6 u^2 + 3 u^3) + c_(i+1) (1 + 3 u + 3 u^2 - 3 u^3)
         + c_(i+2) u^3) / 6.

8 operations for each length and function; the gradient of the table is a sum over edges.
"""

from __future__ import annotations

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.distances import batch_of, functions_of
from impls.implementation import Built, Tensors
from impls.inputs.named import cutoff_of
from impls.layers.radial import lengths
from impls.points.harmonics import supports_vectors
from impls.points.radial_spline.operation import KNOTS
from impls.points.radial_spline.table import Table
from impls.problem import Problem

POWERS = np.array([[1, 4, 1, 0], [-3, 0, 3, 0], [3, -6, 3, 0], [-1, 3, -3, 1]]) / 6
"""The four factors by the powers 1, u, u^2, u^3."""


def rows(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    cutoff, knots = cutoff_of(problem), KNOTS.of(problem)
    batch, functions = batch_of(problem), functions_of(problem)
    # where x / h rounds to the last knot, its four rows end beyond the table, with a factor of zero
    table, powers = Table(problem, b, more=1), b.table(POWERS)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = lengths(inputs["v"]) / cutoff
        inside = b.is_negative(x - 1)
        cell, u = b.floor(x * inside * (knots - 1))
        c = table(weights)
        four = b.concatenate([c[n : n + knots] for n in range(4)], 1)
        near = b.gather(four, cell[:, 0]).reshape(batch, 4, functions)
        factors = b.concatenate([u * 0 + 1, u, u * u, u * u * u], 1) @ powers
        return {"z": ((factors * inside)[:, None] @ near)[:, 0]}

    return Built(call, kernel="four rows of the table for each length")


ALGORITHM = Algorithm(
    "radial_spline",
    "rows",
    "four rows of the table for each length",
    rows,
    supports=supports_vectors,
    papers=("miklaucic2025",),
    baseline=True,
)
