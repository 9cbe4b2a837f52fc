"""Which choices are not dominated: none other costs less and gives as much."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the indices of (cost, value) that no other dominates, by growing cost.

    A point is dominated when another costs no more and gives no less, and is better in one of
    both. Equal points dominate neither of them.

    >>> front([(1.0, 5.0), (2.0, 4.0), (3.0, 9.0)])
    [0, 2]

    Raises:
        ValueError: for a number that is not finite.
    """
    if not all(isfinite(number) for point in points for number in point):
        raise ValueError("costs and values must be finite")
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    found: list[int] = []
    for i in order:
        best = points[found[-1]] if found else None
        if best is None or points[i][1] > best[1] or points[i] == best:
            found.append(i)
    return found
