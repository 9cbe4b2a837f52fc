r"""Intervals for timings: within a process, over processes, and of paired ratios.

Fresh processes differ in more than their samples show: layout of memory, order of linking and
state of the machine are drawn once for each [@mytkowicz2009]. So the process is what is replicated
[@kalibera2013]: a process gives one number, the log of its median, and the interval over processes
is Student's. However its samples depend on each other, they do so within that number. The centre is
the mean of the logs, the geometric mean of the medians, in which every process counts.

A single process has the exact interval of order statistics, which says nothing of other processes,
widened by what its samples remember of each other. No sample is ever deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Array = NDArray[np.float64]
DRAWS = 10_000


class Interval(NamedTuple):
    """An estimate and its interval; the bounds are nan where there is none."""

    value: float
    lo: float
    hi: float


def median_interval(samples: ArrayLike, level: float = 0.95, tau: float = 1.0) -> Interval:
    r"""Return (median, lo, hi) of samples [n], without assuming a distribution.

    The interval of order statistics [x_(k), x_(n+1-k)] covers the median of any continuous
    distribution with probability 1 - 2 P(S < k), where S, the number of samples below the median,
    is Binomial(n, 1/2) for independent samples; k is the largest rank for which this is at least
    `level` [@conover1999]. Samples with autocorrelation time `tau` give S the variance n tau/4:
    it is taken as beta-binomial with this variance. For n/tau too small (n < 6 at 0.95, tau = 1)
    the interval is [min, max] and covers less than asked: `median_coverage` gives what is achieved.

    >>> median_interval([4, 2, 7, 1, 6, 3, 5])
    Interval(value=4.0, lo=1.0, hi=7.0)

    Raises:
        ValueError: for no samples or one that is not finite.
    """
    x = np.sort(_finite(samples, "samples"))
    k = _rank(len(x), level, tau)
    return Interval(float(np.median(x)), float(x[k - 1]), float(x[len(x) - k]))


def median_coverage(n: int, level: float = 0.95, tau: float = 1.0) -> float:
    """Return the coverage that `median_interval` achieves with n samples when asked for level.

    It is at least `level`, except where even [min, max] covers less (n = 3: 0.75).

    >>> median_coverage(3), median_coverage(7)
    (0.75, 0.984375)
    """
    return 1.0 - 2.0 * float(below_median(n, tau)[_rank(n, level, tau) - 1])


def series_interval(samples: ArrayLike, level: float = 0.95) -> Interval:
    """Return `median_interval` of samples in the order taken, with their `autocorrelation_time`.

    Raises:
        ValueError: for no samples or one that is not finite.
    """
    return median_interval(samples, level, autocorrelation_time(samples))


def autocorrelation_time(samples: ArrayLike) -> float:
    r"""Return tau in [1, n]: n samples in order say as much about their median as n/tau do.

    A slow wandering under independent noise has the autocorrelations rho_k = rho_1 phi^(k-1), and
    tau = 1 + 2 sum_k rho_k = 1 + 2 rho_1/(1 - phi). Both are of *ranks*, which a spike does not
    blind. rho_1 = (n r_1 + 1)/(n - 4) corrects the bias of the autocorrelation r_1 [@marriott1954]
    and is at least 0; phi is the larger of rho_1 and, where r_1 > 2/sqrt(n), r_2/r_1. A drift
    counts as memory. Four samples or fewer cannot tell, nor can equal ones: 1.

    >>> autocorrelation_time([1, 5, 2, 4, 3, 6])
    1.0

    Raises:
        ValueError: for no samples or one that is not finite.
    """
    x = _finite(samples, "samples")
    n = len(x)
    z = _ranks(x) - (n + 1) / 2
    if n <= 4 or not np.any(z):
        return 1.0
    first, second = (float(z[k:] @ z[:-k] / (z @ z)) for k in (1, 2))
    rho = min(max((n * first + 1) / (n - 4), 0.0), 1.0)
    phi = max(rho, second / first) if first > 2 / np.sqrt(n) else rho
    return float(min(1 + 2 * rho / (1 - phi), n)) if phi < 1 else float(n)


def drift(samples: ArrayLike, level: float = 0.95) -> Interval:
    r"""Return the trend of a series as the factor from its first to its last sample; 1 is none.

    exp((n - 1) s), where s is the median of the slopes of log x between all pairs of samples, with
    the interval that inverts Kendall's test [@sen1968]. It takes samples as independent about the
    trend: one that only wanders is found drifting too often (see `autocorrelation_time`).

    Raises:
        ValueError: for fewer than two samples, or one that is not positive and finite.
    """
    from scipy import stats  # half a second, which every worker would pay

    y = np.log(_positive(samples, "samples"))
    if len(y) < 2:
        raise ValueError("a drift needs at least two samples")
    found = stats.theilslopes(y, alpha=level)
    value, lo, hi = np.exp((len(y) - 1) * np.array([found[0], found[2], found[3]]))
    return Interval(float(value), float(lo), float(hi))


def hierarchical_interval(groups: Sequence[ArrayLike], level: float = 0.95) -> Interval:
    r"""Return (value, lo, hi) of a time measured in fresh processes, an array of samples for each.

    With m_r the log of the median of process r of R, the value is exp(mean m) and the interval
    exp(mean m ± t sd(m)/sqrt(R)), t Student's quantile with R - 1 degrees of freedom. One process
    has its `series_interval`, which covers the median of this process only.

    A bootstrap of processes and of samples within them covers too little with few processes
    (`analysis.simulation` compares both; the table is in docs/statistics.md).

    >>> [round(bound, 6) for bound in hierarchical_interval([[1, 2, 3], [1, 2, 9]])]
    [2.0, 2.0, 2.0]

    Raises:
        ValueError: for no processes, no samples, or one that is not positive and finite.
    """
    samples = [_positive(group, f"groups[{i}]") for i, group in enumerate(groups)]
    if len(samples) == 1:
        return series_interval(samples[0], level)
    return geometric_mean([np.median(group) for group in samples], level)


def log_ratios(a_groups: Sequence[ArrayLike], b_groups: Sequence[ArrayLike]) -> list[Array]:
    """Return log(a_i/b_i) for each round, given samples that were taken in turn.

    Raises:
        ValueError: for no rounds, rounds or samples without a partner, or a sample that is not
            positive and finite.
    """
    if len(a_groups) != len(b_groups) or not len(a_groups):
        raise ValueError(f"rounds must be paired, not {len(a_groups)} and {len(b_groups)}")
    found = []
    for i, (a, b) in enumerate(zip(a_groups, b_groups, strict=True)):
        first, second = _positive(a, f"a_groups[{i}]"), _positive(b, f"b_groups[{i}]")
        if len(first) != len(second):
            raise ValueError(
                f"round {i} has {len(first)} and {len(second)} samples: only those taken in turn "
                "are pairs; compare medians of rounds instead"
            )
        found.append(np.log(first) - np.log(second))
    return found


def paired_ratio(
    a_groups: Sequence[ArrayLike], b_groups: Sequence[ArrayLike], level: float = 0.95
) -> Interval:
    r"""Return (ratio, lo, hi) of the times a over b, each with an array of samples per round.

    Sample i of a was taken next to sample i of b, so what both share (clock, temperature, drift)
    cancels in log(a_i/b_i); its median is the one number of a round. Over rounds in fresh
    processes the interval is that of `hierarchical_interval`: Student's on these numbers, or, for
    a single round, `series_interval` of the log ratios, which covers these two processes only.

    >>> found = paired_ratio([[2, 4, 6], [8, 2, 2]], [[1, 2, 3], [4, 1, 1]])
    >>> [round(bound, 6) for bound in found]
    [2.0, 2.0, 2.0]

    Raises:
        ValueError: as `log_ratios`.
    """
    rounds = log_ratios(a_groups, b_groups)
    if len(rounds) == 1:
        return _exp(series_interval(rounds[0], level))
    return _exp(student([np.median(part) for part in rounds], level))


def geometric_mean(ratios: ArrayLike, level: float = 0.95) -> Interval:
    """Return exp(mean(log r)), the only mean that treats r and 1/r alike [@fleming1986].

    The interval is Student's on the logs: for problems (or rounds) like these. One ratio has none:
    nan bounds.

    >>> round(geometric_mean([2.0, 0.5]).value, 6)
    1.0

    Raises:
        ValueError: for no ratios, or one that is not positive and finite.
    """
    return _exp(student(np.log(_positive(ratios, "ratios")), level))


def below_median(n: int, tau: float = 1.0) -> Array:
    r"""Return P(S <= j) for j < n/2: S of n samples lie below the median.

    S is Binomial(n, 1/2), or, where samples have the autocorrelation time `tau`, beta-binomial with
    both parameters a, n/4 (n + 2a)/(1 + 2a) = n tau/4: the variance of S.
    """
    j = np.arange((n + 1) // 2)
    if tau <= 1.0:
        return np.asarray(special.bdtr(j, n, 0.5))
    a = max((n - tau) / (2 * (tau - 1)), 1e-9)
    chosen = -np.log(n + 1) - special.betaln(n - j + 1, j + 1)
    return np.cumsum(np.exp(chosen + special.betaln(j + a, n - j + a) - special.betaln(a, a)))


def student(values: ArrayLike, level: float = 0.95, worth: float | None = None) -> Interval:
    """Return the mean of numbers and Student's interval, with nan bounds for one number.

    `worth` says that they tell as much as so many independent ones, fewer than they are.

    >>> [round(bound, 3) for bound in student([1.0, 2.0, 3.0])]
    [2.0, -0.484, 4.484]

    Raises:
        ValueError: for no number or one that is not finite.
    """
    _check(level)
    x = _finite(values, "values")
    n, mean = len(x) if worth is None else worth, float(np.mean(x))
    if n <= 1 or len(x) < 2:
        return Interval(mean, float("nan"), float("nan"))
    half = float(special.stdtrit(n - 1, (1 + level) / 2) * np.std(x, ddof=1) / np.sqrt(n))
    return Interval(mean, mean - half, mean + half)


def _ranks(x: Array) -> Array:
    """Return the ranks of numbers from 1, the mean of their ranks for equal ones."""
    _, which, counts = np.unique(x, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[which])


def _exp(interval: Interval) -> Interval:
    return Interval(*(float(np.exp(bound)) for bound in interval))


def _rank(n: int, level: float, tau: float) -> int:
    """Return the largest k >= 1 with 2 P(S < k) <= 1 - level, at least 1."""
    _check(level)
    return max(1, int(np.count_nonzero(below_median(n, tau) <= (1.0 - level) / 2)))


def _check(level: float) -> None:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, not {level}")


def _finite(values: ArrayLike, name: str) -> Array:
    found = np.asarray(values, np.float64)
    if found.ndim != 1 or not len(found) or not np.all(np.isfinite(found)):
        raise ValueError(f"{name} must be one or more finite numbers in one axis")
    return found


def _positive(values: ArrayLike, name: str) -> Array:
    found = _finite(values, name)
    if np.any(found <= 0):
        raise ValueError(f"{name} must be positive")
    return found
