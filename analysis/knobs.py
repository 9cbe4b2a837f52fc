r"""Does an error decay as a knob is turned from coarse to fine?

An approximation that is said to hold by a knob (a resolution, a rank, a number of frames) has an
error e_i at each of its values k_1 .. k_n. With the tolerance t of the precision, below which an
error is rounding and may do as it likes, the claim holds when

    e_(i+1) <= max(1.1 e_i, t)  at every step,   and   e_n <= max(e_1 / 2, t).

So no step makes it noticeably worse, the whole sweep makes it at least twice as good, and an error
that is rounding from the start is no complaint.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

STEP = 1.1
"""The factor up to which the error may grow in one step."""
WHOLE = 0.5
"""The factor by which it must fall over the whole sweep."""


def complaint(
    values: Sequence[object], errors: Sequence[float], tolerance: float = 0.0
) -> str | None:
    """Return why errors at the values of a knob, from coarse to fine, do not decay; None if so.

    >>> complaint([4, 8, 16], [0.1, 0.01, 0.001]) is None
    True
    >>> complaint([4, 8], [0.1, 0.2])
    'the error grows from 1.0e-01 at 4 to 2.0e-01 at 8'

    Raises:
        ValueError: for fewer than two values, or another number of errors.
    """
    if len(values) < 2 or len(values) != len(errors):
        raise ValueError(
            f"{len(values)} values and {len(errors)} errors: a sweep has at least two, and as many "
            "of each"
        )
    points = list(zip(values, errors, strict=True))
    for value, error in points:
        if not math.isfinite(error):
            return f"the error at {value} is not finite"
    for (coarse, before), (fine, after) in pairwise(points):
        if after > max(STEP * before, tolerance):
            return f"the error grows from {before:.1e} at {coarse} to {after:.1e} at {fine}"
    (coarse, first), (fine, last) = points[0], points[-1]
    if last > max(WHOLE * first, tolerance):
        return (
            f"the error at {fine}, {last:.1e}, is more than half of that at {coarse}, {first:.1e}"
        )
    return None
