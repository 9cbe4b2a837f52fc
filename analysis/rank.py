"""Ranks of matrices of floating-point numbers, with the gap that each decision rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from impls.spaces import Array

EPS = float(np.finfo(np.float64).eps)
RANK_TOLERANCE = 1e-9
GAP = 1e3
SEEDS = 3


@dataclass(frozen=True)
class Rank:
    """A numerical rank and the ratio of singular values across it.

    `gap` is the smallest over the seeds that found `value`; it is inf for rank 0, and at full rank
    the next singular value is taken as eps times the first. `seeds_agree` tells whether every seed
    found this rank.

    >>> rank = Rank.of(np.array([[1.0, 2.0], [2.0, 4.0]]))
    >>> rank.value, rank.verdict
    (1, 'certain')
    """

    value: int
    gap: float
    seeds_agree: bool = True

    @property
    def verdict(self) -> Literal["certain", "ambiguous"]:
        """Return "certain" when all seeds agree and the gap exceeds 1e3."""
        return "certain" if self.seeds_agree and self.gap > GAP else "ambiguous"

    @classmethod
    def of(cls, matrix: Array) -> Rank:
        """Return the rank of a matrix: singular values above 1e-9 of the largest count."""
        used = matrix[:, np.any(matrix != 0.0, axis=0)]
        if not used.size:
            return cls(0, float("inf"))
        values = np.linalg.svd(used, compute_uv=False)
        rank = int(np.count_nonzero(values > RANK_TOLERANCE * values[0]))
        following = values[rank] if rank < len(values) else 0.0
        return cls(rank, float(values[rank - 1] / max(following, EPS * values[0])))

    @classmethod
    def generic(cls, ranks: Sequence[Rank]) -> Rank:
        """Return what several seeds say together: the largest rank, which each bounds from below.

        It is ambiguous when they differ.
        """
        value = max(rank.value for rank in ranks)
        gap = min(rank.gap for rank in ranks if rank.value == value)
        return cls(value, gap, all(rank.value == value for rank in ranks))
