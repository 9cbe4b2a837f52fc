"""Polar coordinates of SL(2) and GL+(2), and which measure their samples are from."""

import numpy as np
import pytest
from scipy.linalg import expm, logm

from impls.groups.linear import coordinates, elements, haar, linear, lognormal, polar

FAR = np.diag([-2.0, -0.5])
"""An element of SL(2) that is no exponential of a real matrix."""


def some(count=64, scale=0.7):
    return haar(np.random.default_rng(0), (count,), 1.5, scale)


def test_polar_factors_are_a_positive_matrix_and_a_rotation():
    g = some()
    p, r = polar(g)
    np.testing.assert_allclose(p @ r, g, atol=1e-13)
    np.testing.assert_allclose(p, p.swapaxes(-1, -2), atol=1e-13)
    assert np.linalg.eigvalsh(p).min() > 0
    np.testing.assert_allclose(r @ r.swapaxes(-1, -2) - np.eye(2), 0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(r), 1, atol=1e-12)


def test_coordinates_are_logarithms_of_both_factors_in_an_orthonormal_basis():
    g = some(8)
    for one, xi in zip(g, coordinates(g), strict=True):
        p, r = polar(one)
        sizes = np.sum(logm(p) ** 2) + 2 * np.arctan2(r[1, 0], r[0, 0]) ** 2
        assert np.sum(xi**2) == pytest.approx(sizes)
    np.testing.assert_allclose(elements(coordinates(g)), g, atol=1e-13)
    np.testing.assert_allclose(coordinates(some(8, 0.0))[:, 3], 0, atol=1e-14)


def test_the_exponential_does_not_reach_what_polar_coordinates_do():
    log = logm(FAR)
    assert abs(log[0, 0].imag) == pytest.approx(np.pi), "the logarithm is not real"
    np.testing.assert_array_equal(elements(coordinates(FAR)).round(15), FAR)
    np.testing.assert_allclose(np.matmul(*polar(FAR)), FAR, atol=1e-15)
    traces = np.trace(haar(np.random.default_rng(0), (4096,), 1.5, 0.0), axis1=-2, axis2=-1)
    assert 0.2 < np.mean(traces < -2) < 0.5, "and these are many"


def test_generators_are_one_parameter_subgroups_in_their_coordinate():
    for axis, (name, along) in enumerate(linear(0.5, 0.3).generators.items()):
        np.testing.assert_allclose(coordinates(along(0.4)), 0.4 * np.eye(4)[axis], atol=1e-14)
        generator = (along(1e-6) - along(-1e-6)) / 2e-6
        np.testing.assert_allclose(along(0.4), expm(0.4 * generator), atol=1e-9, err_msg=name)


def bump(g):
    """Return a function on SL(2) about a place far from 1, zero where little has been drawn."""
    apart = coordinates(g) - np.array([0.6, 0.3, 0.5, 0.0])
    return np.exp(-4 * (apart**2).sum(axis=-1))


def flat(rng, count, stretch):
    """Draw as `haar` does, but evenly in the stretch."""
    s, turns = rng.uniform(0, stretch, count), rng.uniform(0, 2 * np.pi, (2, count))
    a, b = s * np.cos(turns[0]), s * np.sin(turns[0])
    return elements(np.sqrt(2) * np.stack([a, b, turns[1] - np.pi, 0 * s], axis=-1))


def moved(g, count):
    """Return how many deviations means of a function and of both of its translates are apart."""
    a = elements(np.array([0.5, -0.4, 0.3, 0.0]))
    means = []
    for values in (bump(g), bump(np.linalg.inv(a) @ g), bump(g @ a)):
        means.append((values.mean(), values.std() / np.sqrt(count)))
    (mean, error), *others = means
    return [abs(m - mean) / np.hypot(e, error) for m, e in others]


def test_of_samples_only_those_of_the_haar_measure_are_moved_to_themselves():
    count, rng = 50_000, np.random.default_rng(1)
    assert max(moved(haar(rng, (count,), 3.0, 0.0), count)) < 4
    assert min(moved(flat(rng, count, 3.0), count)) > 5
    assert min(moved(lognormal(rng, (count,), 0.2, False), count)) > 5


def test_samples_are_where_they_are_said_to_be():
    rng = np.random.default_rng(0)
    xi = coordinates(haar(rng, (2000,), 1.5, 0.4))
    assert 1.4 < (np.hypot(xi[:, 0], xi[:, 1]) / np.sqrt(2)).max() <= 1.5
    assert 0.38 < (np.abs(xi[:, 3]) / np.sqrt(2)).max() <= 0.4
    drawn = coordinates(lognormal(rng, (20000,), 0.2, True))
    np.testing.assert_allclose(drawn[:, [0, 1, 3]].var(axis=0), 0.2 / 4, rtol=0.05)
    assert np.abs(coordinates(lognormal(rng, (20,), 0.2, False))[:, 3]).max() < 1e-14
