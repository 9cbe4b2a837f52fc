r"""Radial functions as splines: weights of an edge from a learned table, by its length.

    S(r) = sum_j B(r / h - j) C_j,   j = -1 .. n - 2,   h = r_c / n,
    B(t) = ((2 - |t|)_+^3 - 4 (1 - |t|)_+^3) / 6

with the cubic B-spline B and a table C of n rows, one column for each function [@miklaucic2025].
At a length four rows count at most, whatever n is. The last spline ends at the cutoff: S goes to
zero there with two derivatives, and so has two everywhere; its third jumps at multiples of h.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from impls.backends import Backend
from impls.implementation import Tensors
from impls.inputs.named import cutoff_of
from impls.layers.radial import lengths_of
from impls.problem import Problem
from impls.spaces import Array, Arrays, Space

WAVES = 4


@dataclass(frozen=True)
class Splines:
    """How many functions there are, and of how many B-splines each is."""

    outputs: int
    count: int = 16

    @property
    def flops(self) -> int:
        """Return the operations of one edge: four rows of the table, and their factors."""
        return 8 * self.outputs + 40

    @property
    def numbers(self) -> int:
        """Return how many weights there are."""
        return self.count * self.outputs

    def weights(self) -> Mapping[str, Space]:
        """Return the Space of C [count, outputs].

        It is drawn as trained ones are, smooth along r: waves sin((k - 1/2) pi (1 - r / r_c)),
        k = 1 .. 4, with random amplitudes, so that S is of the order of one.
        """
        j = np.arange(-1, self.count - 1)[:, None]
        waves = np.sin(np.pi * (np.arange(WAVES) + 0.5) * (1 - j / self.count))

        def draw(rng: np.random.Generator) -> Array:
            amplitudes = rng.standard_normal((WAVES, self.outputs))
            return np.asarray(waves @ amplitudes / (WAVES / 2) ** 0.5)

        return {"C": Space((self.count, self.outputs), draw=draw)}


def oracle(splines: Splines, problem: Problem, inputs: Arrays, weights: Arrays) -> Array:
    """Return S(|v|) [edges, outputs] in float64, by SciPy's recursion."""
    from scipy.interpolate import BSpline  # not at import: it takes a quarter of a second

    r, cutoff, n = lengths_of(inputs), cutoff_of(problem), splines.count
    knots = np.arange(-3, n + 4) * (cutoff / n)
    beyond = np.zeros((3, splines.outputs))
    found = BSpline(knots, np.concatenate([weights["C"], beyond]), 3)(np.minimum(r, cutoff))
    return np.asarray(found)


class SplineTable:
    """The radial functions in any framework: all B-splines of each length, in one product."""

    def __init__(self, splines: Splines, problem: Problem, b: Backend) -> None:
        """Make the centres of the splines."""
        self.b, self.scale = b, splines.count / cutoff_of(problem)
        self.centres = b.table(np.arange(-1, splines.count - 1))

    def __call__(self, r: Any, weights: Tensors) -> Any:
        """Return S(r) [edges, outputs] of lengths r [edges, 1]."""
        away = abs(r * self.scale - self.centres)
        return (self._cubed(2 - away) - 4 * self._cubed(1 - away)) / 6 @ weights["C"]

    def _cubed(self, a: Any) -> Any:
        """Return a^3 where a > 0, else 0."""
        return a * a * a * self.b.is_negative(-a)
