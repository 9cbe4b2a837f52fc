r"""Verdicts: when a ratio of times may be called faster, slower or the same.

A ratio within a margin of 1 is the same for practical purposes, whatever its interval excludes. A
claim is made when its opposite is rejected: `faster` and `slower` by a test against the margin,
`same` by two one-sided tests inside it [@schuirmann1987]; all else is `ambiguous`.

**Design.** At level 0.99 and margin 2 %, a slow-down of 10 % is found in at least 95 % of pairs,
and a pair that does not differ is called faster or slower in at most 1 %, with

* 5 rounds of 31 samples, or 7 of 11, where single samples scatter by up to 5 %;
* 5 rounds of 31 samples that scatter by 1 % and remember each other (autocorrelation 0.9);
* 7 rounds of 11 samples, where each process is in one of two modes 5 % apart.

Four rounds are the least that can reject chance between processes: with two modes, all rounds of a
pair differ in the same direction with probability 2/4^R, below 1 % from R = 4. With fewer, a
difference must exceed the margin by an allowance for what a process may add. The allowance is an
assumption, which only more rounds replace. docs/statistics.md has the measured rates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log1p
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from analysis.statistics import Array, autocorrelation_time, below_median, log_ratios

Kind = Literal["faster", "slower", "same", "ambiguous"]
Comparison = tuple[Sequence[ArrayLike], Sequence[ArrayLike]]
Test = Callable[[int, float], float]
ROUNDS = 4


@dataclass(frozen=True)
class Verdict:
    """What may be said of one comparison in a table; `p` is corrected for the table's size."""

    kind: Kind
    p: float


def verdict(lo: float, hi: float, margin: float = 0.02) -> Kind:
    """Return what the interval of a ratio of times says, of one comparison on its own.

    Faster if hi < 1/(1 + margin), slower if lo > 1 + margin, the same if both bounds lie between
    these, else ambiguous, as with bounds that are nan.

    >>> verdict(0.80, 0.90), verdict(0.99, 1.01), verdict(0.90, 1.10)
    ('faster', 'same', 'ambiguous')

    Raises:
        ValueError: for a margin that is not positive, or bounds in the wrong order.
    """
    _check(margin)
    if lo > hi:
        raise ValueError(f"the interval [{lo}, {hi}] is in the wrong order")
    below, above = 1 / (1 + margin), 1 + margin
    if hi < below:
        return "faster"
    if lo > above:
        return "slower"
    return "same" if below <= lo and hi <= above else "ambiguous"


def verdicts(
    comparisons: Sequence[Comparison],
    margin: float = 0.02,
    level: float = 0.99,
    allowance: float = 0.05,
) -> list[Verdict]:
    """Return a verdict on a over b for each (a_groups, b_groups) of a table, see `paired_ratio`.

    The p-value of a comparison is twice the smallest of three one-sided ones: faster, slower, same.
    Over rounds they are Student's on the log ratios of rounds, within a single round those of the
    sign test for the median, its samples with their autocorrelation time. Holm's step-down
    corrects for the number of comparisons, so that the chance of even one false claim in the table
    is at most 1 - level; as claims have directions, this is proved where comparisons are
    independent [@shaffer1980]. A table of one says what `verdict` says of `paired_ratio` at this
    level. With fewer than four rounds a difference must exceed (1 + margin)(1 + allowance), and the
    margin of `same` is as much narrower.

    >>> verdicts([([[2.0, 2.0]] * 5, [[1.0, 1.0]] * 5)])
    [Verdict(kind='slower', p=0.0)]

    Raises:
        ValueError: as `log_ratios`; for a margin that is not positive, an allowance below 0, or a
            level not between 0 and 1.
    """
    _check(margin)
    if allowance < 0 or not 0.0 < level < 1.0:
        raise ValueError(f"allowance {allowance} must be at least 0, level {level} in (0, 1)")
    found = [_claim(log_ratios(a, b), margin, allowance) for a, b in comparisons]
    adjusted = holm([p for _, p in found])
    return [
        Verdict(kind if p <= 1 - level else "ambiguous", p)
        for (kind, _), p in zip(found, adjusted, strict=True)
    ]


def holm(p: Sequence[float]) -> list[float]:
    """Return the p-values p_(1) <= .. <= p_(m) corrected: max over j <= i of (m + 1 - j) p_(j).

    They are at most 1. Rejecting where they are at most alpha rejects a true hypothesis with
    probability at most alpha [@holm1979].

    >>> holm([0.01, 0.04])
    [0.02, 0.04]
    """
    order = np.argsort(p, kind="stable")
    steps = np.arange(len(order), 0, -1) * np.asarray(p, np.float64)[order]
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(value) for value in corrected]


def _claim(rounds: Sequence[Array], margin: float, allowance: float) -> tuple[Kind, float]:
    """Return the claim that the log ratios of rounds support best, with its p-value."""
    above = _sign_test(rounds[0]) if len(rounds) == 1 else _students_test(rounds)
    unknown = log1p(allowance) if len(rounds) < ROUNDS else 0.0
    outer, inner = log1p(margin) + unknown, log1p(margin) - unknown
    claims: list[tuple[Kind, float]] = [
        ("faster", above(-1, outer)),
        ("slower", above(1, outer)),
        ("same", max(above(1, -inner), above(-1, -inner))),
    ]
    kind, p = min(claims, key=lambda claim: claim[1])
    return kind, min(1.0, 2 * p)


def _sign_test(x: Array) -> Test:
    """Return the p-values of the claims that the median of sign x is above a threshold."""
    chances = below_median(len(x), autocorrelation_time(x))

    def above(sign: int, threshold: float) -> float:
        count = int(np.count_nonzero(sign * x <= threshold))
        return float(chances[count]) if count < len(chances) else 1.0

    return above


def _students_test(rounds: Sequence[Array]) -> Test:
    """Return the p-values of the claims that sign times the log ratio is above a threshold."""
    medians = np.array([np.median(part) for part in rounds])
    degrees = len(medians) - 1
    mean, error = np.mean(medians), np.std(medians, ddof=1) / np.sqrt(len(medians))

    def above(sign: int, threshold: float) -> float:
        excess = sign * mean - threshold
        if error == 0.0:
            return 0.0 if excess > 0 else 1.0
        return float(special.stdtr(degrees, -excess / error))

    return above


def _check(margin: float) -> None:
    if not margin > 0:
        raise ValueError(f"margin must be positive, not {margin}")
