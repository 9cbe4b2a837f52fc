r"""Three-term recurrence in the degree, for all orders at once, in x, y and z alone.

With the direction (x, y, z) and Y_(l,+-l) = t_l (z Y_(l-1,+-(l-1)) -+ x Y_(l-1,-+(l-1))),

    Y_lm = a_lm (y Y_(l-1,m) - b_lm Y_(l-2,m))      for |m| < l,
    a_lm^2 = (4l^2 - 1) / (l^2 - m^2),  b_lm^2 = ((l-1)^2 - m^2) / (4 (l-1)^2 - 1),
    t_l^2 = (2l+1) / 2l, but t_1^2 = 3

[@bigi2023] [@holmes2002]: no angles, no square root but that of |v|. O(L^2) for each vector, a few
whole-array operations for each degree.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.vectors import degrees_of
from impls.implementation import Built, Tensors
from impls.points.harmonics import supports_vectors
from impls.problem import Problem


class Step:
    """The factors that carry degrees l-1 and l-2 to l."""

    def __init__(self, degree: int, b: Backend) -> None:
        m = np.arange(1 - degree, degree)
        rise = np.sqrt((4 * degree**2 - 1) / (degree**2 - m**2))
        before = degree - 1
        fall = np.sqrt(np.maximum(before**2 - m**2, 0) / max(4 * before**2 - 1, 1))
        self.rise, self.fall = b.table(rise), b.table((rise * fall)[1:-1])
        self.top = math.sqrt((2 * degree + 1) / (2 * degree) * (2 if degree == 1 else 1))


def recurrence(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    degrees = degrees_of(problem)
    steps = [Step(degree, b) for degree in range(1, max(degrees) + 1)]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        v = inputs["v"]
        n = v / ((v * v).sum(-1) ** 0.5)[:, None]
        x, y, z = n[:, :1], n[:, 1:2], n[:, 2:]
        found: list[Any] = [y * 0 + 1]
        sine, cosine = x * 0, found[0]
        for step in steps:
            sine, cosine = (
                (z * sine + x * cosine) * step.top,
                (z * cosine - x * sine) * step.top,
            )
            inner = found[-1] * y * step.rise
            if len(found) > 1:
                middle = inner[:, 1:-1] - found[-2] * step.fall
                parts = [sine, inner[:, :1], middle, inner[:, -1:], cosine]
            else:
                parts = [sine, inner, cosine]
            found.append(b.concatenate(parts, 1))
        return {"z": b.concatenate([found[degree] for degree in degrees], 1)}

    return Built(call, kernel="whole arrays, degree after degree")


ALGORITHM = Algorithm(
    "spherical_harmonics",
    "recurrence",
    "three-term recurrence in the degree",
    recurrence,
    supports=supports_vectors,
    papers=("bigi2023", "holmes2002"),
)
