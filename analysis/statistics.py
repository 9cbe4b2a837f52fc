r"""Intervals for timings: exact for medians, bootstrapped for ratios. No sample is ever deleted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

DRAWS = 10_000


def median_interval(samples: ArrayLike, level: float = 0.95) -> tuple[float, float, float]:
    r"""Return (median, lo, hi) of independent samples [n], without assuming a distribution.

    The interval of order statistics [x_(k), x_(n+1-k)] covers the median of any continuous
    distribution with probability 1 - 2 P(Binomial(n, 1/2) < k); k is the largest rank for which
    this is at least `level` [@conover1999]. For n too small (n < 6 at 0.95) it is [min, max] and
    covers less than asked: `median_coverage` gives what is achieved.

    Raises:
        ValueError: for no samples or one that is not finite.
    """
    x = np.sort(_finite(samples, "samples"))
    k = _rank(len(x), level)
    return float(np.median(x)), float(x[k - 1]), float(x[len(x) - k])


def median_coverage(n: int, level: float = 0.95) -> float:
    """Return the coverage that `median_interval` achieves with n samples when asked for level.

    It is at least `level`, except for n so small that even [min, max] covers less (n = 3: 0.75).
    """
    return 1.0 - 2.0 * float(stats.binom.cdf(_rank(n, level) - 1, n, 0.5))


def ratio_interval(
    a: ArrayLike,
    b: ArrayLike,
    level: float = 0.95,
    rng: np.random.Generator | int = 0,
) -> tuple[float, float, float]:
    r"""Return (ratio, lo, hi) of a over b, each with one positive number per round.

    Equal lengths are interleaved rounds and are paired: the ratio is the median over rounds of
    a_i/b_i and rounds are resampled together. Otherwise it is median(a)/median(b) and both are
    resampled apart. The interval is the percentile bootstrap on log ratios, 10 000 draws, seeded
    by `rng` [@efron1993]. For the median it is close to the exact order-statistic interval; few
    rounds (below 6 at 0.95) give the range of what was seen, which covers less than asked. One
    round gives nan bounds.

    Raises:
        ValueError: for no rounds, or a number that is not positive and finite.
    """
    log_a, log_b = np.log(_positive(a, "a")), np.log(_positive(b, "b"))
    paired = len(log_a) == len(log_b)
    data = (log_a - log_b,) if paired else (log_a, log_b)

    def log_ratio(
        first: NDArray[np.float64], *second: NDArray[np.float64], axis: int = -1
    ) -> NDArray[np.float64]:
        middle = np.median(first, axis=axis)
        return np.asarray(middle - np.median(second[0], axis=axis) if second else middle)

    ratio = float(np.exp(log_ratio(*data)))
    if min(len(part) for part in data) < 2:
        return ratio, float("nan"), float("nan")
    if all(np.ptp(part) == 0.0 for part in data):
        return ratio, ratio, ratio
    interval = stats.bootstrap(
        data,
        log_ratio,
        n_resamples=DRAWS,
        vectorized=True,
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(rng),
    ).confidence_interval
    return ratio, float(np.exp(interval.low)), float(np.exp(interval.high))


def geometric_mean(ratios: ArrayLike) -> float:
    """Return exp(mean(log r)), the only mean that treats r and 1/r alike [@fleming1986].

    Raises:
        ValueError: for no ratios, or one that is not positive and finite.
    """
    return float(np.exp(np.mean(np.log(_positive(ratios, "ratios")))))


def _rank(n: int, level: float) -> int:
    """Return the largest k >= 1 with 2 P(Binomial(n, 1/2) < k) <= 1 - level, at least 1."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    below = stats.binom.cdf(np.arange((n + 1) // 2), n, 0.5)
    return max(1, int(np.count_nonzero(below <= (1.0 - level) / 2)))


def _finite(values: ArrayLike | Sequence[float], name: str) -> NDArray[np.float64]:
    found = np.asarray(values, np.float64)
    if found.ndim != 1 or not len(found) or not np.all(np.isfinite(found)):
        raise ValueError(f"{name} must be one or more finite numbers in one axis")
    return found


def _positive(values: ArrayLike, name: str) -> NDArray[np.float64]:
    found = _finite(values, name)
    if np.any(found <= 0):
        raise ValueError(f"{name} must be positive")
    return found
