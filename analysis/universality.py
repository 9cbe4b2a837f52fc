r"""Universality in practice: can repeated use of a bilinear map fit any equivariant polynomial?

The target t is a random equivariant polynomial of degree n in an input with 2 channels of degrees
0..L, with values in one irrep: a random combination of iterated Clebsch-Gordan products in which
every path and every intermediate irrep is allowed. It is fitted by least squares on a fixed number
of features of `analysis.tower`, and the error is that on inputs which were not fitted,

    error = |t - sum_s c_s f_s| / |t|.

Beside it stand `rank`, the number of linearly independent features, and `full`, that of the
targets: the dimension of all such polynomials, unless the budget is smaller. Where rank = full the
error is rounding [@dym2021]; where it is less, polynomials are out of reach at any budget that
exceeds the rank, be it for want of a path, or of degrees above L in between.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from analysis.reduced import Evaluate
from analysis.tower import Tower, slices
from impls.so3.irreps import Irrep
from impls.so3.wigner import wigner_3j
from impls.spaces import Array

CHANNELS = 2
BUDGET = 96
"""Features that a fit has; it sees twice as many inputs, and is tested on half as many."""
RANK_TOLERANCE = 1e-9
EXACT = 1e-7
"""An error below this is rounding."""

Labels = tuple[tuple[Irrep, ...], tuple[Irrep, ...], tuple[Irrep, ...]]


@dataclass(frozen=True)
class Fit:
    """The fit of a random target of a degree with values in an irrep.

    `outside` is the part of the features, relative to their size, that is no equivariant polynomial
    of the degree: rounding, or a symmetry that is not kept.
    """

    degree: int
    irrep: Irrep
    error: float
    rank: int
    full: int
    outside: float
    budget: int
    seconds: float

    @property
    def universal(self) -> bool | None:
        """Tell whether all targets are reached; None when the budget is too small to tell."""
        return None if self.full >= self.budget else self.rank == self.full

    @property
    def consistent(self) -> bool:
        """Tell whether error and ranks say the same, and no feature leaves the full space."""
        if self.universal is None:
            return True
        return self.outside < EXACT and (self.error < EXACT) == self.universal


def fit(
    evaluate: Evaluate,
    labels: Labels,
    degree: int,
    irrep: Irrep,
    *,
    budget: int = BUDGET,
    seed: int = 0,
) -> Fit:
    """Fit a random target; `seconds` are those of the features and of the least squares.

    `evaluate(X, Y) -> Z` on rows, with one copy of the same irreps in X and Y; it is called with
    `rows(budget)` rows at a time.

    >>> from analysis.reduced import labels
    >>> vector = labels("1")
    >>> found = fit(np.cross, (vector, vector, vector), degree=2, irrep=vector[0], budget=8)
    >>> found.rank, found.full, found.universal
    (1, 1, True)

    Raises:
        ValueError: for inputs with other irreps, or a degree below 1.
    """
    tower = Tower(evaluate, labels, budget, seed)
    rng = np.random.default_rng([seed, degree, irrep.l])
    items = rows(budget) // budget
    a = rng.standard_normal((items, CHANNELS, sum(ir.dim for ir in labels[0])))
    every, others = _columns(polynomials(labels[0], a, degree, irrep, budget, rng), 2 * budget)
    mixture = rng.standard_normal(budget)
    began = time.perf_counter()
    fitted, tested = _columns(tower.features(a, degree, irrep), 2 * budget)
    weights = np.linalg.lstsq(fitted, every @ mixture, rcond=RANK_TOLERANCE)[0]
    seconds = time.perf_counter() - began
    wanted = others @ mixture
    inside = every @ np.linalg.lstsq(every, fitted, rcond=RANK_TOLERANCE)[0]
    return Fit(
        degree=degree,
        irrep=irrep,
        error=float(np.linalg.norm(tested @ weights - wanted) / np.linalg.norm(wanted)),
        rank=_rank(fitted),
        full=_rank(every),
        outside=float(np.linalg.norm(fitted - inside) / (np.linalg.norm(fitted) or 1.0)),
        budget=budget,
        seconds=seconds,
    )


def rows(budget: int) -> int:
    """Return how many rows a fit evaluates at a time: each feature on 2.5 budget inputs.

    >>> rows(8)
    160
    """
    return budget * (2 * budget + budget // 2)


def polynomials(
    inside: tuple[Irrep, ...],
    a: Array,
    degree: int,
    irrep: Irrep,
    count: int,
    rng: np.random.Generator,
) -> Array:
    """Return random equivariant polynomials [count, items, 2l+1] of a [items, channels, dim].

    Iterated Clebsch-Gordan products by Wigner 3j tensors, over all paths and intermediate irreps.
    """

    def entering() -> dict[Irrep, Array]:
        weights = rng.standard_normal((len(inside), count, a.shape[1]))
        parts = zip(inside, slices(inside), weights, strict=True)
        return {ir: np.einsum("sc,ncd->snd", w, a[..., part]) for ir, part, w in parts}

    reached = entering()
    for step in range(1, degree):
        grown: dict[Irrep, Array] = {}
        added = entering()
        for one, left in reached.items():
            for two, right in added.items():
                for three in one * two:
                    if step == degree - 1 and three != irrep:
                        continue
                    tensor = wigner_3j(one.l, two.l, three.l)
                    outer = np.einsum("sni,ijk->snjk", left, tensor, optimize=True)
                    term = np.einsum("snjk,snj->snk", outer, right)
                    weight = rng.standard_normal((count, 1, 1))
                    grown[three] = grown.get(three, 0.0) + weight * term
        reached = grown
    return reached.get(irrep, np.zeros((count, len(a), irrep.dim)))


def _columns(features: Array, fitted: int) -> tuple[Array, Array]:
    """Return what is fitted and what is tested, [items (2l+1), count], in columns of size 1."""
    flat = np.moveaxis(features, 0, -1)
    size = np.linalg.norm(flat[:fitted], axis=(0, 1))
    scaled = flat / np.where(size == 0.0, 1.0, size)
    columns = scaled.shape[-1]
    return scaled[:fitted].reshape(-1, columns), scaled[fitted:].reshape(-1, columns)


def _rank(columns: Array) -> int:
    singular = np.linalg.svd(columns, compute_uv=False)
    return int(np.sum(singular > RANK_TOLERANCE * singular[0])) if singular[0] else 0
