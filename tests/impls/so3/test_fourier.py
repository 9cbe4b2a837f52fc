"""Fourier tables of the harmonics: what they stand for, and the Gaunt product they give."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.signal import convolve2d

from impls.so3.fourier import fourier_to_sphere, sphere_to_fourier
from impls.so3.harmonics import degrees_and_orders, spherical_harmonics
from impls.so3.wigner import gaunt

rng = np.random.default_rng(0)


@pytest.mark.parametrize("lmax", [0, 1, 2, 6])
def test_series_is_the_harmonic(lmax: int) -> None:
    theta, phi = rng.uniform(0, np.pi, 9), rng.uniform(0, 2 * np.pi, 9)
    u = np.arange(-lmax, lmax + 1)
    waves = np.exp(1j * np.multiply.outer(theta, u)), np.exp(1j * np.multiply.outer(phi, u))
    values = np.einsum("kuv,nu,nv->nk", sphere_to_fourier(lmax), *waves)
    x, y, z = np.sin(theta) * np.sin(phi), np.cos(theta), np.sin(theta) * np.cos(phi)
    expected = spherical_harmonics(lmax, np.stack([x, y, z], axis=1))
    assert_allclose(values, expected, atol=1e-13)


def test_sparsity_and_reality() -> None:
    table = sphere_to_fourier(5)
    degree, order = degrees_and_orders(5)
    for row, l, m in zip(table, degree, order, strict=True):  # noqa: E741
        for u, v in np.argwhere(row) - 5:
            assert abs(u) <= l
            assert (u - l) % 2 == 0
            assert abs(v) == abs(m)
    assert np.array_equal(table[:, ::-1, ::-1], table.conj())


def test_decoding_is_the_integral() -> None:
    """Against Gauss-Legendre in theta itself and the trapezoid rule in phi."""
    lmax, band = 4, 6
    nodes, weights = np.polynomial.legendre.leggauss(40)
    theta = (nodes + 1) * np.pi / 2
    phi = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    t, p = np.meshgrid(theta, phi, indexing="ij")
    points = np.stack([np.sin(t) * np.sin(p), np.cos(t), np.sin(t) * np.cos(p)], axis=-1)
    area = (weights * np.pi / 2 * np.sin(theta))[:, None] * np.full(24, 2 * np.pi / 24)
    u = np.arange(-band, band + 1)
    polar, azimuthal = np.exp(1j * np.outer(theta, u)), np.exp(1j * np.outer(phi, u))
    y = spherical_harmonics(lmax, points)
    expected = np.einsum("tp,tu,pv,tpk->uvk", area, polar, azimuthal, y, optimize=True)
    assert_allclose(fourier_to_sphere(lmax, band), expected, atol=1e-13)


def test_decoding_undoes_encoding() -> None:
    both = np.einsum("kuv,uvn->kn", sphere_to_fourier(7), fourier_to_sphere(7, 7))
    assert_allclose(both, np.eye(64), atol=1e-13)


@pytest.mark.parametrize(("l1", "l2", "l3"), [(0, 0, 0), (2, 3, 5), (4, 4, 4), (6, 6, 12)])
def test_convolution_is_the_gaunt_product(l1: int, l2: int, l3: int) -> None:
    x, y = rng.normal(size=(l1 + 1) ** 2), rng.normal(size=(l2 + 1) ** 2)
    first = np.tensordot(x, sphere_to_fourier(l1), 1)
    second = np.tensordot(y, sphere_to_fourier(l2), 1)
    z = np.tensordot(convolve2d(first, second), fourier_to_sphere(l3, l1 + l2), 2)
    expected = np.zeros((l3 + 1) ** 2)
    for a in range(l1 + 1):
        for b in range(l2 + 1):
            for c in range(abs(a - b), min(a + b, l3) + 1):
                xa, yb = x[a * a : (a + 1) ** 2], y[b * b : (b + 1) ** 2]
                expected[c * c : (c + 1) ** 2] += np.einsum("ijk,i,j->k", gaunt(a, b, c), xa, yb)
    assert_allclose(z, expected, atol=1e-12)


def test_narrow_band_drops_orders() -> None:
    table = fourier_to_sphere(3, 1)
    assert table.shape == (3, 3, 16)
    _, order = degrees_and_orders(3)
    assert not table[..., np.abs(order) > 1].any()


def test_bad_sizes() -> None:
    for call in (lambda: sphere_to_fourier(-1), lambda: fourier_to_sphere(-1, 2)):
        with pytest.raises(ValueError, match="negative"):
            call()
    with pytest.raises(ValueError, match="band -1"):
        fourier_to_sphere(2, -1)
