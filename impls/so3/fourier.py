r"""Change between spherical harmonics and 2D Fourier series on the torus (theta, phi).

The harmonics continue analytically to theta in [0, 2pi), where they are trigonometric
polynomials: Y_lm = sum_uv y_uv e^(i(u theta + v phi)), |u| <= l, v = +-m. A product of functions
on the sphere is then a convolution of coefficients [@xin2021] [@luo2024]. Theta and phi are those
of `impls.so3.harmonics`.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from impls.so3.harmonics import degrees_and_orders, extended_legendre

Complex = NDArray[np.complex128]


@cache
def sphere_to_fourier(lmax: int) -> Complex:
    r"""Return y [(lmax+1)^2, 2lmax+1 (u), 2lmax+1 (v)], u and v from -lmax to lmax, read-only.

    Y_lm(theta, phi) = sum_uv y[lm,u,v] e^(i(u theta + v phi)), orthonormal harmonics. Exact up to
    rounding: the functions of theta are band-limited and sampled at 2lmax+1 points. Only u of the
    parity of l and v = +-m occur; all other entries are exactly 0. ValueError if `lmax` < 0.

    >>> sphere_to_fourier(2).shape
    (9, 5, 5)
    """
    degree, order = degrees_and_orders(lmax)
    polar = _polar_series(lmax)[degree, np.abs(order)]
    return _frozen(polar[:, :, None] * _azimuthal_series(lmax, order)[:, None, :])


@cache
def fourier_to_sphere(lmax_out: int, band: int) -> Complex:
    r"""Return z [2band+1 (u), 2band+1 (v), (lmax_out+1)^2], u and v from -band to band, read-only.

    z[u,v,lm] = int_0^pi int_0^2pi e^(i(u theta + v phi)) Y_lm sin(theta) dphi dtheta, so that
    sum_uv f_uv z[u,v,lm] are the coefficients of f in orthonormal harmonics. Closed form: Y_lm
    is replaced by its series and int_0^pi sin(t) e^(int) dt = 2/(1-n^2) for even n, +-i pi/2 for
    n = +-1, 0 for other odd n. For a product of degrees l1 and l2, band = l1 + l2.
    ValueError if `lmax_out` or `band` is negative.

    >>> fourier_to_sphere(lmax_out=2, band=3).shape
    (7, 7, 9)
    """
    if band < 0:
        raise ValueError(f"band {band} is negative")
    degree, order = degrees_and_orders(lmax_out)
    total = np.arange(-band, band + 1)[:, None] + np.arange(-lmax_out, lmax_out + 1)
    polar = _sine_integrals(total) @ _polar_series(lmax_out)[degree, np.abs(order)].T
    # int e^(iv phi) trig_m dphi = 2pi conj(coefficient of e^(iv phi) in trig_m), trig_m is real
    azimuthal = 2 * math.pi * _azimuthal_series(band, order).conj().T
    return _frozen(polar[:, None, :] * azimuthal[None, :, :])


@cache
def _polar_series(lmax: int) -> Complex:
    """Return the Fourier series in theta [lmax+1 (l), lmax+1 (|m|), 2lmax+1 (u)] of legendre."""
    size = 2 * lmax + 1
    theta = 2 * math.pi / size * np.arange(size)
    samples = extended_legendre(lmax, np.cos(theta), np.sin(theta))
    series = np.fft.fftshift(np.fft.fft(samples, axis=0), axes=0).transpose(1, 2, 0) / size
    u = np.arange(-lmax, lmax + 1)
    l = np.arange(lmax + 1)[:, None]  # noqa: E741
    allowed: NDArray[np.bool_] = (np.abs(u) <= l) & ((u - l) % 2 == 0)
    # even in theta (cosines) for even m, odd in theta (sines) for odd m
    m = np.arange(lmax + 1)[:, None]
    parts: Complex = np.where(m % 2 == 0, series.real, 1j * series.imag)
    return np.where(allowed[:, None, :], parts, 0)


def _azimuthal_series(band: int, order: NDArray[np.int64]) -> Complex:
    """Return the series [n, 2band+1 (v)] of trigonometric(m); zero where |m| > band."""
    series = np.zeros((len(order), 2 * band + 1), dtype=complex)
    for row, m in zip(series, order, strict=True):
        if abs(m) > band:
            continue
        if m == 0:
            row[band] = 1
        elif m > 0:
            row[band + m] = row[band - m] = math.sqrt(0.5)
        else:
            row[band - m], row[band + m] = -1j * math.sqrt(0.5), 1j * math.sqrt(0.5)
    return series


def _sine_integrals(n: NDArray[np.int64]) -> Complex:
    even = n % 2 == 0
    values = np.where(even, 2 / (1 - np.where(even, n, 0) ** 2), 0).astype(complex)
    values[np.abs(n) == 1] = 0.5j * math.pi * n[np.abs(n) == 1]
    return values


def _frozen(array: Complex) -> Complex:
    array = np.ascontiguousarray(array)
    array.setflags(write=False)
    return array
