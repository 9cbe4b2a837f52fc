r"""Gaunt product by Fourier series and real FFTs, without the half of coefficients that vanishes.

As `fourier`, but the inversion n -> -n is theta -> theta + pi on the torus, so that Y_lm has only
frequencies u of the parity of l [@xin2021]. Irreps of even degree are encoded to even u and those
of odd degree to odd u, and likewise on the way back, where a series of odd u has no overlap with
even l: half of the O(L^3) multiplications at both ends. The torus has an even number of points in
theta, so that u modulo that number keeps its parity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.fft import next_fast_len

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built
from impls.problem import Problem
from impls.products.gaunt.fourier import decoder, encoder, on_torus, supports, torus
from impls.products.gaunt.layout import Streams, output_degree
from impls.products.gaunt.operation import reached


def even_torus(problem: Problem) -> tuple[int, int]:
    """Return the size (n_u, n_v) of the grid: that of `fourier`, with n_u even."""
    first, second, _ = irreps_of(problem)
    return 2 * next_fast_len(first.lmax + second.lmax + 1, real=False), torus(problem)[1]


def fourier_parity(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    first, second, out = irreps_of(problem)
    size, lmax, band = even_torus(problem), output_degree(problem), first.lmax + second.lmax
    encoders = (
        Encoder(*encoder(first, size[0]), b),
        Encoder(*encoder(second, size[0]), b),
    )
    decode = Decoder(*decoder(out, reached(problem), lmax, band), b)
    return on_torus(problem, b, "real", size, encoders, decode)


class Encoder:
    """Transform components [n, dim] to [streams, n, n_u]: even degrees to even u, odd to odd."""

    def __init__(self, streams: Streams, table: np.ndarray, backend: Backend) -> None:
        """Take the `table` [streams, irreps, n_u] of all degrees, n_u even."""
        self.backend, components = backend, streams.components()
        self.parts = [
            (
                backend.index(components[:, chosen].ravel()),
                backend.table(table[:, chosen, parity::2]),
            )
            for parity, chosen in enumerate(by_parity(streams.degrees))
        ]

    def __call__(self, x: Any) -> Any:
        """Return [streams, n, n_u]."""
        halves = []
        for index, table in self.parts:
            rows = self.backend.take(x, index).reshape(x.shape[0], *table.shape[:2])
            halves.append((rows.swapaxes(0, 1) @ table)[..., None])
        both = self.backend.concatenate(halves, -1)
        return both.reshape(*both.shape[:2], 2 * both.shape[2])


class Decoder:
    """Transform [streams, n, u = 0..band] to components [n, dim]: even u to even degrees."""

    def __init__(self, streams: Streams, table: np.ndarray, backend: Backend) -> None:
        """Take the `table` [streams, u, irreps] of all degrees."""
        self.backend = backend
        chosen = by_parity(streams.degrees)
        self.tables = [
            backend.table(table[:, parity::2, which]) for parity, which in enumerate(chosen)
        ]
        place = np.argsort(np.concatenate(chosen))
        count = len(streams.degrees)
        stream, irrep = np.divmod(streams.positions(), count)
        self.positions = backend.index(stream * count + place[irrep])

    def __call__(self, values: Any) -> Any:
        """Return [n, dim]."""
        parts = [values[..., parity::2] @ table for parity, table in enumerate(self.tables)]
        merged = self.backend.concatenate(parts, -1).swapaxes(0, 1)
        flat = merged.reshape(merged.shape[0], merged.shape[1] * merged.shape[2])
        return self.backend.take(flat, self.positions)


def by_parity(degrees: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of even and of odd degrees."""
    odd = np.array(degrees, dtype=int) % 2
    return np.flatnonzero(odd == 0), np.flatnonzero(odd)


ALGORITHM = Algorithm(
    "gaunt",
    "fourier_parity",
    "2D Fourier series, FFTs, without zeros",
    fourier_parity,
    supports=supports,
    papers=("luo2024", "xin2021"),
    growth=Growth({"lmax": 3, "channels": 1}),
)
