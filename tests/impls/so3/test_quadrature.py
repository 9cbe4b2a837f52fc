"""Quadrature: the degree reached is the degree promised, and no more."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest
from numpy.testing import assert_allclose

from impls.so3.harmonics import spherical_harmonics
from impls.so3.quadrature import gauss_legendre, lebedev


def monomials(points: np.ndarray, weights: np.ndarray, degree: int) -> float:
    """Return the largest error over all x^2a y^2b z^2c of at most `degree`.

    The integral is 2 Gamma(a+1/2) Gamma(b+1/2) Gamma(c+1/2) / Gamma(a+b+c+3/2).
    """
    from scipy.special import gamma

    worst = 0.0
    half = degree // 2
    for a in range(half + 1):
        for b in range(half + 1 - a):
            for c in range(half + 1 - a - b):
                powers = 2 * np.array([a, b, c])
                exact = 2 * np.prod(gamma((powers + 1) / 2)) / gamma(a + b + c + 1.5)
                value = np.sum(weights * np.prod(points**powers, axis=-1))
                worst = max(worst, abs(value - exact))
    return worst


@pytest.mark.parametrize("degree", [0, 1, 2, 3, 4, 8, 15])
def test_gauss_legendre_is_exact_and_sharp(degree: int) -> None:
    grid = gauss_legendre(degree)
    points, weights = grid.points(), grid.weights()
    assert points.shape == (-(-(degree + 1) // 2), degree + 1, 3)
    assert weights.shape == points.shape[:2]
    assert_allclose(np.linalg.norm(points, axis=-1), 1, rtol=1e-15)
    assert_allclose(np.sum(weights), 4 * pi, rtol=1e-14)
    assert monomials(points, weights, degree) < 1e-13
    y = spherical_harmonics(degree + 1, points)
    means = np.einsum("ij,ijk->k", weights, y)
    assert np.max(np.abs(means[1 : (degree + 1) ** 2]), initial=0) < 1e-13
    assert np.max(np.abs(means[(degree + 1) ** 2 :])) > 0.1


@pytest.mark.parametrize(
    ("degree", "size"),
    [
        *((3, 6), (5, 14), (7, 26), (9, 38), (11, 50), (13, 86), (17, 110), (21, 170)),
        *((29, 302), (31, 350), (4, 14), (8, 38), (12, 86), (16, 110)),
    ],
)
def test_lebedev_sizes_and_exactness(degree: int, size: int) -> None:
    points, weights = lebedev(degree)
    assert points.shape == (size, 3)
    assert weights.shape == (size,)
    assert np.all(weights > 0)
    assert_allclose(np.sum(weights), 4 * pi, rtol=1e-13)
    assert_allclose(np.linalg.norm(points, axis=-1), 1, rtol=1e-13)
    assert monomials(points, weights, degree) < 1e-12
    means = weights @ spherical_harmonics(degree, points)
    assert np.max(np.abs(means[1:])) < 1e-12


def test_lebedev_passes_over_negative_weights() -> None:
    from scipy.integrate import lebedev_rule

    for degree in (13, 25, 27):
        assert np.min(lebedev_rule(degree)[1]) < 0
        assert len(lebedev(degree)[1]) > len(lebedev_rule(degree)[1])


def test_lebedev_has_a_rule_for_every_degree_up_to_its_last() -> None:
    sizes = [len(lebedev(degree)[1]) for degree in range(132)]
    assert sizes == sorted(sizes)
    assert sizes[-1] == 5810
    with pytest.raises(ValueError, match="use gauss_legendre"):
        lebedev(132)


def test_bad_degree() -> None:
    for rule in (gauss_legendre, lebedev):
        with pytest.raises(ValueError, match="negative"):
            rule(-1)
