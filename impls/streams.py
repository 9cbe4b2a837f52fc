"""Streams: a random number generator for each name, so that arrays are drawn apart.

An array that is added to a family, or drawn differently, changes no other array.
"""

from __future__ import annotations

import zlib

import numpy as np

DRAWS = 2
"""Version of how arrays are drawn; raised when equal problems draw other arrays than before."""


class Streams:
    """Generators by name: equal numbers and an equal name give equal draws in every process."""

    def __init__(self, *numbers: int) -> None:
        self.numbers = numbers

    def __call__(self, name: str) -> np.random.Generator:
        """Return a fresh generator of this name."""
        return np.random.default_rng([*self.numbers, zlib.crc32(name.encode())])
