r"""What parallel channels add: how many products does it take to reach everything?

The sum of C products of one kind, each with linear maps of its own, reaches w_1 + ... + w_C with
every w_c in the set W of one product (`analysis.expressivity`). Its Jacobian is [J_1 | ... | J_C]
at independent parameters, so the dimension of the sum of C sets is the generic rank of that matrix
(Terracini's lemma; the set is the C-th secant variety of W [@xie2025]). It grows with every channel
until it is that of the linear span of W, and no number of channels leads further: what the span
lacks of all equivariant bilinear maps stays out of reach.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice

import numpy as np

from analysis.expressivity import jacobians, span_dimension
from analysis.rank import SEEDS, Rank
from analysis.reduced import allowed, allowed_triples
from impls.operation import Path
from impls.so3.irreps import Irrep
from impls.spaces import Array

PRIME = 2**31 - 1
"""Products of two residues fit in 64 bits."""


@dataclass(frozen=True)
class Saturation:
    """The dimension that 1, 2, ... parallel channels reach, up to the linear span of one.

    `full` is the dimension of all equivariant bilinear maps, `span` that of the linear span.
    """

    dimensions: tuple[Rank, ...]
    span: int
    full: int

    def dimension(self, channels: int) -> int:
        """Return the dimension of a number of channels; beyond what was asked, that of the last."""
        return self.dimensions[min(channels, len(self.dimensions)) - 1].value

    @property
    def channels(self) -> int | None:
        """Return the least number of channels that reaches the linear span; None if not seen."""
        found = (n for n, rank in enumerate(self.dimensions, 1) if rank.value == self.span)
        return next(found, None)

    @property
    def complete(self) -> int | None:
        """Return the least number of channels that reaches everything; None if none can."""
        return self.channels if self.span == self.full else None

    @property
    def verdict(self) -> str:
        """Return "certain" when every rank is."""
        certain = all(rank.verdict == "certain" for rank in self.dimensions)
        return "certain" if certain else "ambiguous"


def parallel_channels(
    coefficients: Mapping[Path, float],
    labels1: Sequence[Irrep],
    labels2: Sequence[Irrep],
    labels3: Sequence[Irrep],
    *,
    copies: int = 1,
    most: int | None = None,
    seed: int = 0,
) -> Saturation:
    """Return the dimension reached by C = 1, 2, ... channels, until it is the span or C = `most`.

    Ranks are those of `reachable_dimension`: three seeds, singular values above 1e-9.

    >>> from analysis.reduced import labels
    >>> parts = labels("0+1"), labels("0+1"), labels("0+1")
    >>> every = {(0, 0, 0): 1.0, (0, 1, 1): 1.0, (1, 0, 1): 1.0, (1, 1, 0): 1.0, (1, 1, 1): 1.0}
    >>> found = parallel_channels(every, *parts)
    >>> [rank.value for rank in found.dimensions], found.span, found.channels
    ([4, 5], 5, 2)

    Raises:
        ValueError: for a path that the group forbids, or `most` below 1.
    """
    if most is not None and most < 1:
        raise ValueError(f"the number of channels must be at least 1, not {most}")
    parts = labels1, labels2, labels3
    span = span_dimension(coefficients, *parts, copies=copies)
    draws = [jacobians(coefficients, *parts, copies=copies, seed=seed + n) for n in range(SEEDS)]
    found: list[Rank] = []
    blocks: list[list[Array]] = [[] for _ in draws]
    for _ in count() if most is None else range(most):
        for seen, draw in zip(blocks, draws, strict=True):
            seen += islice(draw, 1)
        found.append(Rank.generic([Rank.of(np.hstack(seen)) for seen in blocks]))
        grown = len(found) == 1 or found[-1].value > found[-2].value
        if found[-1].value == span or not grown:
            break
    return Saturation(tuple(found), span, copies**3 * len(allowed_triples(*parts)))


def selected_dimension(
    coupled: Collection[Path],
    labels1: Sequence[Irrep],
    labels2: Sequence[Irrep],
    labels3: Sequence[Irrep],
    channels: int = 1,
    *,
    seed: int = 0,
) -> int:
    """Return the dimension that the selection rules alone give, in exact arithmetic.

    `coupled` has the paths that do not vanish; nothing else is used of the coefficients, which are
    drawn at random from the integers modulo 2^31 - 1, as the linear maps are. Where every irrep
    occurs once in each input and the output of the map, a coefficient only scales a row of the
    Jacobian, and this is the dimension itself; else it is that of a map with generic coefficients,
    and no map with the same rules exceeds it. The probability that a random point gives less is
    below 1e-6.

    >>> from analysis.reduced import labels
    >>> selected_dimension([(0, 0, 0), (1, 1, 0)], labels("0+1"), labels("0+1"), labels("0"))
    2

    Raises:
        ValueError: for a path that the group forbids.
    """
    rng = np.random.default_rng(seed)
    sizes = len(labels1), len(labels2), len(labels3)
    weights = {path: int(rng.integers(1, PRIME)) for path in coupled}
    blocks = [_modular(weights, (labels1, labels2, labels3), sizes, rng) for _ in range(channels)]
    return modular_rank(np.hstack(blocks))


def _modular(
    weights: Mapping[Path, int],
    parts: tuple[Sequence[Irrep], Sequence[Irrep], Sequence[Irrep]],
    sizes: tuple[int, int, int],
    rng: np.random.Generator,
) -> Array:
    """Return the Jacobian [coupled triples, irreps of the map] at random residues."""
    a, b, c = (rng.integers(1, PRIME, size) for size in sizes)
    rows = {triple: n for n, triple in enumerate(dict.fromkeys(_triples(weights, parts)))}
    jacobian = np.zeros((len(rows), sum(sizes)), np.int64)
    for (i, j, k), triple in zip(weights, _triples(weights, parts), strict=True):
        row, weight = jacobian[rows[triple]], weights[i, j, k]
        for column, x, y in (
            (i, b[j], c[k]),
            (sizes[0] + j, a[i], c[k]),
            (k - sizes[2], a[i], b[j]),
        ):
            row[column] = (row[column] + x * y % PRIME * weight) % PRIME
    return jacobian


def _triples(
    coupled: Collection[Path],
    parts: tuple[Sequence[Irrep], Sequence[Irrep], Sequence[Irrep]],
) -> Iterator[tuple[Irrep, Irrep, Irrep]]:
    for i, j, k in coupled:
        triple = parts[0][i], parts[1][j], parts[2][k]
        if not allowed(*triple):
            raise ValueError(f"path {(i, j, k)} couples {' '.join(map(str, triple))}: forbidden")
        yield triple


def modular_rank(matrix: Array) -> int:
    """Return the rank of an integer matrix modulo 2^31 - 1, by elimination.

    >>> modular_rank(np.array([[1, 2], [2, 4]]))
    1
    """
    left = matrix % PRIME
    rank = 0
    for column in range(left.shape[1]):
        below = np.flatnonzero(left[rank:, column])
        if not len(below):
            continue
        left[[rank, rank + below[0]]] = left[[rank + below[0], rank]]
        left[rank] = left[rank] * pow(int(left[rank, column]), -1, PRIME) % PRIME
        factors = left[rank + 1 :, column, None]
        left[rank + 1 :] = (left[rank + 1 :] - factors * left[rank] % PRIME) % PRIME
        rank += 1
        if rank == len(left):
            break
    return rank
