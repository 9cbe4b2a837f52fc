"""How a cost grows with a size: the exponent of a power law."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


def exponent(
    sizes: ArrayLike, values: ArrayLike, last: int = 4, level: float = 0.95
) -> tuple[float, float, float]:
    r"""Return (alpha, lo, hi) of values ~ sizes^alpha, from the `last` largest sizes.

    Least squares of log(values) = a + alpha log(sizes); the interval is Student's with n - 2
    degrees of freedom [@draper1998]. It measures scatter about a line, not the bias of sizes that
    are not asymptotic yet. Two points have no interval: nan bounds.

    Raises:
        ValueError: for fewer than two distinct sizes, or numbers that are not positive.
    """
    x, y = np.asarray(sizes, np.float64), np.asarray(values, np.float64)
    if x.shape != y.shape or x.ndim != 1 or not (np.all(x > 0) and np.all(y > 0)):
        raise ValueError("sizes and values must be positive and of equal length")
    order = np.argsort(x, kind="stable")[-last:]
    x, y = x[order], y[order]
    if len(np.unique(x)) < 2:
        raise ValueError("an exponent needs at least two distinct sizes")
    fit = stats.linregress(np.log(x), np.log(y))
    alpha = float(fit.slope)
    if len(x) < 3:
        return alpha, float("nan"), float("nan")
    half = float(stats.t.ppf((1 + level) / 2, len(x) - 2)) * float(fit.stderr)
    return alpha, alpha - half, alpha + half
