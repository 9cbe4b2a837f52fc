"""Radial spline by all B-splines of each length, most of them zero: one matrix product.

2 (knots + 2) operations for each length and function, more than the four that are not zero need,
and nothing is gathered: no gradient is a sum over edges but that of a product.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.implementation import Built, Tensors
from impls.inputs.named import cutoff_of
from impls.layers.radial import lengths
from impls.points.harmonics import supports_vectors
from impls.points.radial_spline.operation import KNOTS
from impls.points.radial_spline.table import Table
from impls.problem import Problem


def dense(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    cutoff, knots = cutoff_of(problem), KNOTS.of(problem)
    table, centres = Table(problem, b), b.table(np.arange(-1, knots + 1))

    def cubed(a: Any) -> Any:
        """Return a^3 where a > 0, else 0."""
        return a * a * a * b.is_negative(-a)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = lengths(inputs["v"]) / cutoff
        away = abs(x * (knots - 1) - centres)
        splines = (cubed(2 - away) - 4 * cubed(1 - away)) * b.is_negative(x - 1) / 6
        return {"z": splines @ table(weights)}

    return Built(call, kernel="one matrix product")


ALGORITHM = Algorithm(
    "radial_spline",
    "dense",
    "all B-splines of each length",
    dense,
    supports=supports_vectors,
    papers=("miklaucic2025",),
)
