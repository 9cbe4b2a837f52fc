"""Factors between what was found and what was expected, and numbers in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from bench.measuring.answers import norm
from impls.spaces import Array

LARGEST = {1e-9: 40, 1e-4: 8}
"""Up to which numerator and denominator a fraction is looked for, by the tolerance of a factor: of
few digits, too many fractions would fit."""
SHOWN = 4
"""So many names are said one by one; of more, the first ones and how many there are."""


def factor(found: Array, expected: Array, limit: float) -> float | None:
    """Return k where found = k expected up to `limit` relative to both, else None.

    The best k is fitted, and then tried: what is left must be rounding.
    """
    square = float(np.sum(expected * expected))
    if square == 0.0 or not np.isfinite(found).all():
        return None
    k = float(np.sum(found * expected)) / square
    left = norm([found - k * expected])
    return k if left <= limit * max(abs(k), limit) * math.sqrt(square) else None


def near_one(k: float) -> bool:
    """Return whether a factor is 1 but for what rounding to float32 makes: it explains nothing."""
    return abs(k - 1) < 1e-6


def said(k: float, limit: float) -> str:
    """Return a factor in words: "0.57735 (1/sqrt(3))" where a short form fits within `limit`."""
    most = next((top for within, top in LARGEST.items() if limit <= within), 0)
    near = limit / 10
    if abs(k - round(k)) <= near * max(1.0, abs(k)) and abs(k) < 1e6:
        return str(round(k))
    text = f"{k:.5g}" if most else f"{k:.2g}"
    if abs(float(text) - k) <= near * abs(k):
        return text
    for bottom in range(1, most + 1):
        for pi, square in _forms(bottom):
            top = k * k * square
            if 0.5 < top < most + 0.5 and abs(top / round(top) - 1) <= 2 * near:
                return f"{text} ({'-' if k < 0 else ''}{_root(round(top), bottom, pi)})"
    return text


def _forms(bottom: int) -> list[tuple[str, float]]:
    return [("", bottom), ("pi", bottom / math.pi), ("/pi", bottom * math.pi)]


def _root(top: int, bottom: int, pi: str) -> str:
    """Return sqrt(top pi / bottom) as people write it."""
    above, below = str(top), str(bottom)
    if not pi:
        roots = math.isqrt(top), math.isqrt(bottom)
        if roots[0] ** 2 == top and roots[1] ** 2 == bottom:
            return f"{roots[0]}/{roots[1]}" if roots[1] > 1 else str(roots[0])
        if top == 1:
            return f"1/sqrt({bottom})"
    if pi == "pi":
        above = "pi" if top == 1 else f"{top} pi"
    if pi == "/pi":
        below = "pi" if bottom == 1 else f"({bottom} pi)"
    return f"sqrt({above}/{below})" if below != "1" else f"sqrt({above})"


def listed(names: Sequence[str]) -> str:
    """Return names one by one, or the first ones and how many there are."""
    if len(names) <= SHOWN:
        return ", ".join(names)
    return f"{', '.join(names[: SHOWN - 1])} and {len(names) - SHOWN + 1} more"


def grouped(factors: Mapping[str, float], limit: float) -> dict[str, list[str]]:
    """Return the names that share a factor, by the factor in words."""
    found: dict[str, list[str]] = {}
    for name, k in factors.items():
        found.setdefault(said(k, limit), []).append(name)
    return found
