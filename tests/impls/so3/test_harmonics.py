"""Spherical harmonics: e3nn, SciPy, orthonormality and the separable factors."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import sph_harm_y

from impls.so3.harmonics import (
    degrees_and_orders,
    extended_legendre,
    legendre,
    spherical_harmonics,
    trigonometric,
)
from impls.so3.quadrature import gauss_legendre, lebedev

POLES = np.array([[0, 1, 0], [0, -1, 0], [1e-12, 1, 0], [1, 0, 0], [0, 0, -1]], dtype=float)


@pytest.fixture
def vectors() -> np.ndarray:
    return np.concatenate([np.random.default_rng(0).normal(size=(20, 3)), POLES])


@pytest.mark.parametrize("normalization", ["integral", "component", "norm"])
def test_equal_to_e3nn(normalization: str, vectors: np.ndarray) -> None:
    torch = pytest.importorskip("torch", reason="e3nn needs torch")
    o3 = pytest.importorskip("e3nn.o3", reason="compares with e3nn")
    theirs = o3.spherical_harmonics(
        list(range(9)), torch.tensor(vectors), normalize=True, normalization=normalization
    ).numpy()
    assert_allclose(spherical_harmonics(8, vectors, normalization), theirs, atol=1e-13)


def test_against_scipy_with_y_polar(vectors: np.ndarray) -> None:
    """Real parts of SciPy's complex harmonics, Condon-Shortley phase taken out."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    x, y, z = unit.T
    degree, order = degrees_and_orders(20)
    theta, phi = np.arctan2(np.hypot(x, z), y), np.arctan2(x, z)
    complex_y = sph_harm_y(degree, np.abs(order), theta[:, None], phi[:, None])
    signed = (-1.0) ** order * complex_y
    expected = np.where(order < 0, signed.imag, signed.real) * np.where(order == 0, 1, sqrt(2))
    assert_allclose(spherical_harmonics(20, vectors), expected, atol=1e-13)


def test_first_degrees_are_written_out(vectors: np.ndarray) -> None:
    x, y, z = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).T
    expected = np.stack([np.ones_like(x), sqrt(3) * x, sqrt(3) * y, sqrt(3) * z], axis=1)
    assert_allclose(spherical_harmonics(1, vectors, "component"), expected, atol=1e-15)


def test_orthonormal_under_an_independent_quadrature() -> None:
    points, weights = lebedev(29)
    y = spherical_harmonics(14, points)
    assert_allclose(y.T @ (weights[:, None] * y), np.eye(15**2), atol=1e-12)


def test_normalisations(vectors: np.ndarray) -> None:
    degree, _ = degrees_and_orders(6)
    component = spherical_harmonics(6, vectors, "component")
    norm = spherical_harmonics(6, vectors, "norm")
    for l in range(7):  # noqa: E741
        assert_allclose(np.sum(component[:, degree == l] ** 2, axis=1), 2 * l + 1, rtol=1e-13)
        assert_allclose(np.sum(norm[:, degree == l] ** 2, axis=1), 1, rtol=1e-13)


def test_length_of_vectors_does_not_matter() -> None:
    v = np.array([0.3, -0.2, 0.5])
    expected = spherical_harmonics(4, v)
    for scale in (1e-300, 1e-5, 1e300):
        assert_allclose(spherical_harmonics(4, scale * v), expected, rtol=1e-13)


def test_large_degrees_stay_finite() -> None:
    """Unsold: sum over m of Y_lm^2 = (2l+1)/4pi, far beyond where plain P_l^m overflow."""
    v = np.random.default_rng(1).normal(size=(5, 3))
    y = spherical_harmonics(100, v)
    assert_allclose(np.sum(y[:, 100**2 :] ** 2, axis=1), 201 / (4 * pi), rtol=1e-12)


def test_product_of_the_separable_factors() -> None:
    grid = gauss_legendre(14)
    degree, order = degrees_and_orders(7)
    polar = legendre(7, grid.cos_theta)
    assert polar.shape == (8, 8, 8)
    waves = trigonometric(7, grid.phi)
    assert waves.shape == (15, 15)
    product = polar[:, None, degree, np.abs(order)] * waves[None, :, 7 + order]
    assert_allclose(product, spherical_harmonics(7, grid.points()), atol=1e-14)


def test_legendre_is_zero_above_the_diagonal() -> None:
    table = legendre(5, np.linspace(-1, 1, 7))
    assert not np.any(table[:, *np.triu_indices(6, 1)])


def test_extension_to_the_double_cover() -> None:
    """A negative sine is the point with theta -> 2pi - theta, phi -> phi + pi."""
    theta = np.array([0.3, 1.1, 2.9])
    there = extended_legendre(6, np.cos(-theta), np.sin(-theta))
    here = extended_legendre(6, np.cos(theta), np.sin(theta))
    assert_allclose(there, here * (-1.0) ** np.arange(7), atol=1e-15)


def test_shapes() -> None:
    assert spherical_harmonics(2, np.ones((4, 5, 3))).shape == (4, 5, 9)
    assert spherical_harmonics(0, [0, 0, 2]).shape == (1,)
    assert spherical_harmonics(2, np.ones((0, 3))).shape == (0, 9)
    assert legendre(0, [0.5]).shape == (1, 1, 1)
    assert trigonometric(0, [0.5]).tolist() == [[1.0]]


def test_bad_input() -> None:
    for bad in ([0, 0, 0], [np.inf, 0, 0], [[1, 0, 0], [np.nan, 1, 1]]):
        with pytest.raises(ValueError, match="finite vectors that are not zero"):
            spherical_harmonics(1, bad)
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        spherical_harmonics(1, [1, 0])
    with pytest.raises(ValueError, match="'integral', 'component', 'norm'"):
        spherical_harmonics(1, [1, 0, 0], "racah")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="negative"):
        spherical_harmonics(-1, [1, 0, 0])
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        legendre(2, [1.5])
