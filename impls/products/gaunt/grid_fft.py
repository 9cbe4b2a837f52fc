r"""Gaunt product on a product grid of the sphere, with real FFTs in the azimuth [@xie2025].

As in `grid`, f_x(theta, phi) = sum_m trig_m(phi) sum_l P_lm(theta) x_lm, but the sums over m and
over phi are FFTs of each ring: O(L^2 log L) instead of O(L^3). The Legendre stage stays a matrix
for each order m and O(L^3). The grid is the smallest exact one, its rings lengthened to a length
that an FFT likes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.fft import next_fast_len

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.gaunt.fourier import supports
from impls.products.gaunt.layout import (
    Merge,
    Split,
    Streams,
    degrees_of,
    output_degree,
    product_degree,
)
from impls.products.gaunt.operation import reached
from impls.so3.harmonics import legendre
from impls.so3.irreps import Irreps
from impls.so3.quadrature import gauss_legendre


def azimuths(problem: Problem) -> int:
    """Return the points of a ring: D+1 or more, so that no product aliases into m <= L3."""
    return next_fast_len(product_degree(problem) + 1, real=True)


def grid_fft(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    first, second, out = irreps_of(problem)
    points, n_phi = gauss_legendre(product_degree(problem)), azimuths(problem)
    split_x = Split(*_spectrum(first, first.lmax, points.cos_theta), b)
    split_y = Split(*_spectrum(second, second.lmax, points.cos_theta), b)
    lmax = output_degree(problem)
    streams, polar = _spectrum(out, lmax, points.cos_theta, reached(problem))
    # the spectrum has sqrt(1/2) for m != 0; the integral needs sqrt(2), and 2 pi for the circle
    scale = np.where(np.array(streams.orders) == 0, 1.0, 2.0)[:, None, None] * 2 * np.pi
    merge = Merge(streams, (polar * points.theta_weights * scale).swapaxes(1, 2), b)

    def values(split: Split, x: Any) -> Any:
        parts = split(x.reshape(-1, x.shape[-1])).swapaxes(0, 1).swapaxes(1, 2)
        half = parts.shape[-1] // 2
        spectrum = b.complex(parts[..., :half], parts[..., half:])
        return b.fft.irfft(spectrum, n=n_phi, norm="forward")

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        shape = inputs["x"].shape[:-1]
        product = values(split_x, inputs["x"]) * values(split_y, inputs["y"])
        spectrum = b.fft.rfft(product, norm="forward")
        read = [part[..., : lmax + 1] for part in (spectrum.real, spectrum.imag)]
        z = merge(b.concatenate(read, -1).swapaxes(1, 2).swapaxes(0, 1))
        return {"z": z.reshape(*shape, z.shape[-1])}

    return Built(call, kernel=f"{len(points.cos_theta)} rings, real FFT of {n_phi}")


def _spectrum(
    irreps: Irreps, lmax: int, cos_theta: np.ndarray, kept: tuple[bool, ...] | None = None
) -> tuple[Streams, np.ndarray]:
    """Return [streams, irreps, n_theta]: real parts of the ring spectra at v = 0..lmax, then
    imaginary ones; sqrt2 (a cos v phi + b sin v phi) has the coefficient (a - ib)/sqrt2.
    """
    orders = [*range(lmax + 1), *(-v for v in range(lmax + 1))]
    streams = Streams(degrees_of(irreps), orders)
    factor = np.sqrt(0.5) * np.where(np.arange(2 * lmax + 2) <= lmax, 1.0, -1.0)
    factor[0], factor[lmax + 1] = 1.0, 0.0
    functions = np.moveaxis(legendre(lmax, cos_theta), (2, 1, 0), (0, 1, 2))[np.abs(orders)]
    return streams, streams.table(functions * factor[:, None, None], kept)


ALGORITHM = Algorithm(
    "gaunt",
    "grid_fft",
    "product grid, FFT of each ring",
    grid_fft,
    supports=supports,
    papers=("luo2024", "xie2025"),
    growth=Growth({"lmax": 3, "channels": 1}),
)
