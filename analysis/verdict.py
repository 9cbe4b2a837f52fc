r"""Verdicts: when one time may be called faster than another, slower or the same.

A comparison is told as a *speed*, time of the reference over time of what is judged: how many times
as fast. What decides is one interval of it, and it is the interval that is printed. A speed within
a margin of 1 is the same for practical purposes, whatever the interval excludes:

* `faster` where all of the interval is above 1 + margin, `slower` where all is below the inverse;
* `same` where all of it lies between these two;
* `can't tell` in any other case.

The intervals of a table hold together at its level, over and over: each has the level
1 - (1 - level)/(LOOKS m) for m comparisons, since a table has m chances to be wrong [@dunn1961],
and since people look, and measure more rounds where they can't tell. Both bounds must agree on
`same`, as in two one-sided tests [@schuirmann1987].

**Design.** At level 0.99 and margin 2 %, a slow-down of 10 % is found in at least 95 % of pairs,
and a pair that does not differ is called faster or slower in at most 1 %, however often it is
looked at, with

* 5 rounds of 31 samples, or 7 of 11, where single samples scatter by up to 5 %;
* 5 rounds of 31 samples that scatter by 1 % and remember each other (autocorrelation 0.9);
* 10 rounds of 31 samples, where each process is in one of two modes 5 % apart.

Four rounds are the least that can reject chance between processes: with two modes, all rounds of a
pair differ in the same direction with probability 2/4^R, below 1 % from R = 4. With fewer, the
interval is wider by an allowance for what a process may add, and a difference is said to be found
*here*, not replicated. The allowance is an assumption, which only more rounds replace.

A single round may wander or drift so much that its samples are worth hardly more than two
independent ones, or fewer. Its interval is then infinite, or as good as that, but what was measured
exists: of LONG samples or more the interval is no wider than their range and WANDERS times as much
again at both ends. It is an assumption too: that the process, as it goes on, goes no further. Else
a speed of 31 that drifts by a tenth could not be told from 1.
docs/statistics.md has the measured rates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, inf, isfinite, log, log1p
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from analysis.statistics import (
    Array,
    Interval,
    autocorrelation_time,
    log_ratios,
    median_coverage,
    median_interval,
    student,
)

Kind = Literal["faster", "slower", "same", "can't tell"]
Samples = Sequence[ArrayLike]
Comparison = tuple[Samples, Samples]
ROUNDS = 4
"""Fresh processes from which a difference counts as replicated."""
SURE = 0.99
"""That no claim of a table is false."""
WIDE = 2 * log(1e6)
"""An interval of logs that is wider is none."""
LONG, WANDERS = 11, 3
"""Of a single round that wanders, with so many samples, so many times its range bounds the rest."""
LOOKS = 2
"""By what the chance of a false claim is divided, because rounds are added after a look."""


@dataclass(frozen=True)
class Verdict:
    """What may be said of one comparison: a speed with the interval that decides.

    `speed` is how many times as fast as its reference something is: time of the reference over its
    time. `rounds` are the fresh processes that both were measured in.
    """

    kind: Kind
    speed: float
    lo: float
    hi: float
    rounds: int
    margin: float

    @property
    def replicated(self) -> bool:
        """Return whether enough fresh processes say so."""
        return self.rounds >= ROUNDS

    @property
    def seen(self) -> float:
        """Return the least difference that would have been called one, 0.1 for 10 %.

        The speed measured would have had to be beyond 1 + this, or below the inverse.
        """
        half = np.log(self.hi / self.lo) / 2 if isfinite(self.hi) and self.lo > 0 else inf
        return float(np.expm1(log1p(self.margin) + half))

    def __str__(self) -> str:
        """Return the verdict in words, with the number that decides.

        >>> str(Verdict("faster", 8.6, 8.3, 8.9, 5, 0.02))
        '8.6× faster (≥ 8.3×)'
        >>> str(Verdict("slower", 0.5, 0.4, 0.625, 3, 0.02))
        '2.0× slower here (≥ 1.60×), not replicated'
        >>> str(Verdict("can't tell", 1.04, 0.9, 1.2, 5, 0.02))
        "can't tell (0.90–1.20×)"
        """
        if self.kind == "same":
            return f"same within {100 * self.margin:g} %"
        if self.kind == "can't tell":
            known = isfinite(self.hi) and self.lo > 0
            return f"can't tell ({short(self.lo)}–{short(self.hi)}×)" if known else "can't tell"
        times, least = (
            (self.speed, self.lo) if self.kind == "faster" else (1 / self.speed, 1 / self.hi)
        )
        here, added = ("", "") if self.replicated else (" here", ", not replicated")
        return f"{short(times)}× {self.kind}{here} (≥ {short(least)}×){added}"


def short(x: float) -> str:
    """Return a speed with two digits after the point below 2, one below 20, then none.

    >>> short(1.04), short(8.64), short(124.3)
    ('1.04', '8.6', '124')
    """
    return f"{x:.{2 if x < 1.995 else 1 if x < 19.95 else 0}f}"


def verdict(lo: float, hi: float, margin: float = 0.02) -> Kind:
    """Return what the interval of a speed says; bounds that are nan can't tell.

    >>> verdict(1.1, 1.2), verdict(0.99, 1.01), verdict(0.90, 1.10)
    ('faster', 'same', "can't tell")

    Raises:
        ValueError: for a margin that is not positive, or bounds in the wrong order.
    """
    if not margin > 0:
        raise ValueError(f"margin must be positive, not {margin}")
    if lo > hi:
        raise ValueError(f"the interval [{lo}, {hi}] is in the wrong order")
    below, above = 1 / (1 + margin), 1 + margin
    if lo > above:
        return "faster"
    if hi < below:
        return "slower"
    return "same" if below <= lo and hi <= above else "can't tell"


def verdicts(
    comparisons: Sequence[Comparison],
    margin: float = 0.02,
    level: float = SURE,
    allowance: float = 0.05,
    among: int = 0,
    wanders: float = WANDERS,
) -> list[Verdict]:
    """Return a verdict for each (judged, reference) of a table, both an array of times per round.

    The speed is exp(-mean of d_r), d_r the median log ratio of the samples of round r, which were
    taken in turn. Over rounds its interval is Student's on d_r; within a single round it is that of
    order statistics of the log ratios, with their autocorrelation time, or, where so few samples
    cannot have the level, Student's on as many samples as they are worth, but, of LONG samples, no
    wider than their range and `wanders` times as much at both ends. With fewer than four rounds it
    is wider by 1 + allowance at both ends. `among` is of how many comparisons these were chosen
    after they were seen, as those of the best of some: the table is then that large.

    >>> str(verdicts([([[1.0, 1.0]] * 5, [[2.0, 2.0]] * 5)])[0])
    '2.0× faster (≥ 2.0×)'

    Raises:
        ValueError: as `log_ratios`; for a margin that is not positive, an allowance below 0, or a
            level not between 0 and 1.
    """
    if allowance < 0 or not 0.0 < level < 1.0:
        raise ValueError(f"allowance {allowance} must be at least 0, level {level} in (0, 1)")
    each = 1 - (1 - level) / (LOOKS * max(1, len(comparisons), among))
    return [_judged(log_ratios(b, a), margin, each, allowance, wanders) for a, b in comparisons]


def _judged(
    rounds: Sequence[Array], margin: float, level: float, allowance: float, wanders: float
) -> Verdict:
    """Return the verdict that the log speeds of rounds support at a level.

    An interval wider than WIDE, or none at all (nan), bounds nothing.
    """
    if len(rounds) == 1:
        value, lo, hi = _within(rounds[0], level, wanders)
    else:
        value, lo, hi = student([np.median(part) for part in rounds], level)
    wider = log1p(allowance) if len(rounds) < ROUNDS else 0.0
    lo, hi = (exp(lo - wider), exp(hi + wider)) if hi - lo < WIDE else (0.0, inf)
    return Verdict(verdict(lo, hi, margin), exp(value), lo, hi, len(rounds), margin)


def _within(x: Array, level: float, wanders: float) -> Interval:
    """Return the interval of the middle of a single process at a level."""
    tau = autocorrelation_time(x)
    if median_coverage(len(x), level, tau) >= level:
        return median_interval(x, level, tau)
    middle = float(np.median(x))
    _, lo, hi = student(x, level, len(x) / tau)
    further = wanders * float(np.ptp(x))
    far = Interval(middle, float(np.min(x)) - further, float(np.max(x)) + further)
    if len(x) >= LONG and not hi - lo <= far.hi - far.lo:  # nan: worth one sample, or less
        return far
    return Interval(middle, middle - (hi - lo) / 2, middle + (hi - lo) / 2)


def in_turn(
    a: Mapping[int, Sequence[float]], b: Mapping[int, Sequence[float]]
) -> Comparison | None:
    """Return the samples of both in their common rounds, as far as they have partners, or None.

    `a` and `b` have samples by round. The implementations of a block take turns until each has
    enough: sample i of one was taken next to sample i of the other. A time that is not positive is
    none, and then nothing is compared.
    """
    shared = sorted(set(a) & set(b))
    pairs = [list(zip(a[r], b[r], strict=False)) for r in shared]
    if not shared or min((t for pair in pairs for both in pair for t in both), default=0.0) <= 0:
        return None
    return [[x for x, _ in pair] for pair in pairs], [[y for _, y in pair] for pair in pairs]
