r"""Spherical harmonics of vectors by polynomials, in any framework: no angles, no special points.

The solid harmonics R_l(v) = |v|^l Y_l(v / |v|) are multiples of the stretched coupling of
R_1 = (x, y, z) with R_(l-1):

    R_l = [R_1 x R_(l-1)]_l / (sqrt(2l+1) |(1 l-1 l; 0 0 0)|),   sum_m R_lm^2 = |v|^(2l)

so nothing happens at the origin or at the poles, and gradients are those of polynomials. Harmonics
of directions are those of v / |v|.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from impls.backends import Backend
from impls.families.points import has_vectors, irreps_of
from impls.implementation import Target, Tensors
from impls.problem import Problem, Refusal
from impls.so3.symbols import wigner_3j_zero
from impls.so3.wigner import wigner_3j


class Harmonics:
    """Harmonics of some degrees, one block after another in their order.

    Of directions, "component" normalised (sum_m Y_lm^2 = 2l+1); with `solid`, the solid harmonics
    of the vectors themselves, "norm" normalised.
    """

    def __init__(self, degrees: Sequence[int], b: Backend, *, solid: bool = False) -> None:
        """Make one coupling matrix [3 (2l-1), 2l+1] for each degree from 2."""
        self.degrees, self.solid, self.concatenate = tuple(degrees), solid, b.concatenate
        self.first = 1.0 if solid else 3**0.5
        self.tables = []
        for n in range(2, max(degrees) + 1):
            scale = 1.0 if solid else np.sqrt((2 * n + 1) / (2 * n - 1))
            tensor = wigner_3j(1, n - 1, n).reshape(-1, 2 * n + 1)
            self.tables.append(b.table(tensor * (scale / abs(wigner_3j_zero(1, n - 1, n)))))

    def __call__(self, v: Any) -> Any:
        """Return the blocks [n, sum of 2l+1] of v [n, 3]."""
        n = v if self.solid else v / ((v * v).sum(-1) ** 0.5)[:, None]
        found = [n[:, :1] * 0 + 1, n * self.first]
        for table in self.tables:
            product = (n[:, :, None] * found[-1][:, None, :]).reshape(-1, table.shape[0])
            found.append(product @ table)
        return self.concatenate([found[degree] for degree in self.degrees], 1)


class EdgeHarmonics:
    """The harmonics of `irreps_edge`: as a problem gives them, or of the vectors that it gives."""

    def __init__(self, problem: Problem, b: Backend) -> None:
        """Make tables where there are vectors."""
        degrees = [ir.l for _, ir in irreps_of(problem)[1]]
        self.of_vectors = Harmonics(degrees, b) if has_vectors(problem) else None

    def __call__(self, inputs: Tensors) -> Any:
        """Return them as [edges, dim(irreps_edge)]."""
        return inputs["sh"] if self.of_vectors is None else self.of_vectors(inputs["v"])


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse bfloat16 where directions are taken from vectors: harmonics lose their norm."""
    if problem.dtype == "bfloat16" and has_vectors(problem):
        return Refusal(
            "directions of edges need more digits than bfloat16 has",
            "use float32, or given=harmonics where the operation takes these",
        )
    return None


def supports_vectors(problem: Problem, target: Target) -> Refusal | None:
    """Refuse bfloat16 for harmonics of the vectors themselves."""
    if problem.dtype == "bfloat16":
        return Refusal("directions need more digits than bfloat16 has", "use float32")
    return None
