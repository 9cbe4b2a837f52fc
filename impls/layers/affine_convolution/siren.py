r"""Kernels as networks of sines, of coordinates that may be many at once [@sitzmann2020].

    f(u) = W_3^T phi(W_2^T phi(W_1^T u + b_1) + b_2),    phi(a) = sin(10 a)

for each pair of channels. The first sums are made of parts, one for each kind of coordinate: their
rows of W_1 stand one below the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from impls.spaces import Array, Arrays, Space

FREQUENCY = 10.0
HIDDEN = 16


@dataclass(frozen=True)
class Siren:
    """One kernel: its name, how many coordinates it takes, and channels in and out."""

    name: str
    coordinates: int
    channels: int
    channels_out: int

    @property
    def flops(self) -> int:
        """Return the operations of the sines of one pair: products, and ten for each sine."""
        return 2 * HIDDEN * (self.coordinates + HIDDEN) + 20 * HIDDEN

    def weights(self) -> Mapping[str, Space]:
        """Return W1 [coordinates, hidden], b1, W2 [hidden, hidden], b2 and W3 [hidden, in, out].

        They are uniform in the ranges of [@sitzmann2020], as the published layers draw them; W3 is
        normal, so that sums over hidden sines and channels are of order one.
        """
        ranges = {
            "W1": ((self.coordinates, HIDDEN), 1 / self.coordinates),
            "b1": ((HIDDEN,), self.coordinates**-0.5),
            "W2": ((HIDDEN, HIDDEN), (6 / HIDDEN) ** 0.5 / FREQUENCY),
            "b2": ((HIDDEN,), (6 / HIDDEN) ** 0.5 / FREQUENCY),
        }
        found = {f"{self.name}_{key}": _uniform(*drawn) for key, drawn in ranges.items()}
        shape = HIDDEN, self.channels, self.channels_out

        def last(rng: np.random.Generator) -> Array:
            return rng.standard_normal(shape) * (2 / (HIDDEN * self.channels)) ** 0.5

        return found | {f"{self.name}_W3": Space(shape, draw=last)}


def _uniform(shape: tuple[int, ...], largest: float) -> Space:
    return Space(shape, draw=lambda rng: rng.uniform(-largest, largest, shape))


def oracle(siren: Siren, u: Array, weights: Arrays) -> Array:
    """Return the last sines [..., hidden] of coordinates u [..., coordinates] in float64."""
    w1, b1, w2, b2 = (weights[f"{siren.name}_{key}"] for key in ("W1", "b1", "W2", "b2"))
    return np.sin(FREQUENCY * (np.sin(FREQUENCY * (u @ w1 + b1)) @ w2 + b2))
