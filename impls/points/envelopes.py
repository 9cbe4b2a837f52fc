"""Envelopes by name, in any framework: how functions of a distance become zero at the cutoff.

What they are says the family `distances`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from impls.backends import Backend
from impls.layers.radial import Envelope

ORDER = 6
"""p of the polynomial."""


def envelope(name: str, b: Backend) -> Callable[[Any], Any]:
    """Return u(x), of the shape of x >= 0, with the cutoff at x = 1.

    Raises:
        ValueError: for an unknown name.
    """

    def cosine(x: Any) -> Any:
        sine = b.sin(x * 1.5707963267948966)
        return (1 - sine * sine) * b.is_negative(x - 1)

    def exponential(x: Any) -> Any:
        inside = b.is_negative(x - 1)
        squares = x * x * inside  # a square of 1 or more would be divided by zero, or less
        return b.exp(-squares / (1 - squares)) * inside

    known: dict[str, Callable[[Any], Any]] = {
        "polynomial": Envelope(ORDER, b),
        "cosine": cosine,
        "exponential": exponential,
    }
    if name not in known:
        raise ValueError(f"unknown envelope {name!r}: choose {', '.join(known)}")
    return known[name]
