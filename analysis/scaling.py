"""How a cost grows with a size: the exponent of a power law, where one overtakes another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from analysis.statistics import Array, Interval

TOLERANCE = 0.5


def exponent(
    sizes: ArrayLike, values: ArrayLike, last: int | None = None, level: float = 0.95
) -> Interval:
    r"""Return (alpha, lo, hi) of values ~ sizes^alpha, from the `last` largest sizes.

    Without `last` they are the `tail`. Least squares of log(values) = a + alpha log(sizes); the
    interval is Student's with n - 2 degrees of freedom [@draper1998]. It measures scatter about a
    line, not the bias of sizes that are not asymptotic yet: the local exponent may change by 0.5
    over a tail. Two points have no interval: nan bounds.

    >>> round(exponent([1, 2, 4, 8], [3, 12, 48, 192]).value, 6)
    2.0

    Raises:
        ValueError: for fewer than two distinct sizes, or numbers that are not positive and finite.
    """
    x, y = _logs(sizes, values)
    if last is not None and last < 2:
        raise ValueError(f"an exponent needs at least two sizes, not last = {last}")
    largest = np.unique(x)[-(tail(sizes, values) if last is None else last) :]
    if len(largest) < 2:
        raise ValueError("an exponent needs at least two distinct sizes")
    kept = x >= largest[0]
    x, y = x[kept], y[kept]
    x, y = x - x.mean(), y - y.mean()
    spread = float(x @ x)
    alpha = float(x @ y) / spread
    if len(x) < 3:
        return Interval(alpha, float("nan"), float("nan"))
    rest = y - alpha * x
    error = np.sqrt(float(rest @ rest) / (len(x) - 2) / spread)
    half = float(special.stdtrit(len(x) - 2, (1 + level) / 2) * error)
    return Interval(alpha, alpha - half, alpha + half)


def tail(sizes: ArrayLike, values: ArrayLike, tolerance: float = TOLERANCE) -> int:
    r"""Return how many of the largest distinct sizes have a settled exponent.

    The most, at least three, over which the local exponent d log(values)/d log(sizes) of a
    parabola through their logs, by least squares, changes by at most `tolerance`, or by no more
    than its standard error beyond that: noise does not cut a tail short. Where not even three have
    settled it is two: the last local exponent.

    >>> tail([1, 2, 4, 8, 16], [10, 10, 12, 24, 48])
    3

    Raises:
        ValueError: for numbers that are not positive and finite.
    """
    x, y = _logs(sizes, values)
    distinct = np.unique(x)
    for start in range(len(distinct) - 2):
        kept = x >= distinct[start]
        span = distinct[-1] - distinct[start]
        if _bend(x[kept] - x[kept].mean(), y[kept]) * span <= tolerance:
            return len(distinct) - start
    return min(len(distinct), 2)


def crossovers(
    sizes: ArrayLike, ratios: Sequence[tuple[float, float, float]]
) -> tuple[Interval, ...]:
    r"""Return the sizes at which one cost overtakes another, given their ratio at each size.

    `ratios` has an interval (ratio, lo, hi) for each size, such as `paired_ratio` gives. Between
    sizes log ratio, lo and hi are linear in log size. A crossover lies between two sizes whose
    intervals exclude 1 on opposite sides; its interval are the sizes at which the band between lo
    and hi holds 1, so it covers as often as the intervals of the ratio do (the band of a line is
    widest at its ends). Costs that do not cross, or not beyond their intervals, have none.

    >>> [round(place.value, 6) for place in crossovers([1, 4], [(2, 1.9, 2.1), (0.5, 0.4, 0.6)])]
    [2.0]

    Raises:
        ValueError: for sizes that repeat, a ratio missing, or numbers that are not positive.
    """
    places, bands = np.asarray(sizes, np.float64), np.asarray(ratios, np.float64)
    distinct = len(np.unique(places))
    if bands.shape != (distinct, 3) or places.shape != (distinct,):
        raise ValueError("crossovers need distinct sizes and (ratio, lo, hi) for each")
    x, middle = _logs(places, bands[:, 0])
    order = np.argsort(x)
    x, middle, (lo, hi) = x[order], middle[order], np.log(bands[order, 1:]).T
    decided = np.flatnonzero((lo > 0) | (hi < 0))
    found = []
    for i, j in pairwise(decided):
        if lo[i] > 0 and hi[j] < 0:
            inner, outer, line = lo, hi, middle
        elif hi[i] < 0 and lo[j] > 0:
            inner, outer, line = -hi, -lo, -middle
        else:
            continue
        part = slice(i, j + 1)
        roots = [_roots(x[part], band[part]) for band in (line, inner, outer)]
        crossing = (roots[0][len(roots[0]) // 2], roots[1][0], roots[2][-1])
        found.append(Interval(*(float(np.exp(root)) for root in crossing)))
    return tuple(found)


def _bend(x: Array, y: Array) -> float:
    """Return |d slope/dx| of the parabola through the points, less its standard error."""
    if len(x) == 3:
        return 2 * abs(float(np.polyfit(x, y, 2)[0]))
    fit, covariance = np.polyfit(x, y, 2, cov=True)
    return 2 * float(abs(fit[0]) - np.sqrt(covariance[0, 0]))


def _roots(x: Array, y: Array) -> Array:
    """Return where the line through the points changes its sign; y starts above 0, ends below."""
    at = np.flatnonzero((y[:-1] > 0) != (y[1:] > 0))
    return np.asarray(x[at] + (x[at + 1] - x[at]) * y[at] / (y[at] - y[at + 1]))


def _logs(sizes: ArrayLike, values: ArrayLike) -> tuple[Array, Array]:
    x, y = np.asarray(sizes, np.float64), np.asarray(values, np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"sizes and values must be of equal length, not {x.shape} and {y.shape}")
    if not (np.all(x > 0) and np.all(y > 0) and np.all(np.isfinite([x, y]))):
        raise ValueError("sizes and values must be positive and finite")
    return np.log(x), np.log(y)
