"""Spherical designs: exact, sharp, as small as known, and compared with other quadratures."""

from __future__ import annotations

from math import gamma, pi

import numpy as np
import pytest

from impls.so3.designs import LARGEST, ORBITS, invariants, rotations_of, t_design
from impls.so3.harmonics import spherical_harmonics
from impls.so3.quadrature import gauss_legendre, lebedev

HARDIN_SLOANE = {
    **{3: 6, 5: 12, 7: 24, 8: 36, 9: 48, 10: 60, 11: 70, 12: 84, 13: 94, 14: 108, 15: 120},
    **{16: 144, 17: 156, 18: 180, 19: 204, 20: 216, 21: 240},
}
"""Points of the smallest designs of [@hardin1996] and its authors' later table (from 13 on)."""

EFFICIENT = {4: 14, 6: 26, 8: 42, 10: 62, 12: 86, 14: 114, 16: 146, 18: 182, 20: 222}
"""Points of the designs without symmetry of [@womersley2018]: ceil((t+1)^2 / 2) + 1."""


@pytest.mark.slow
@pytest.mark.parametrize("degree", [3, *ORBITS])
def test_exact_and_sharp(degree: int) -> None:
    points, weights = t_design(degree)
    assert points.shape == (len(weights), 3)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(weights, 4 * pi / len(points), rtol=1e-15)
    means = spherical_harmonics(degree + 1, points).mean(axis=0)
    assert np.abs(means[1 : (degree + 1) ** 2]).max() < 1e-13
    assert np.abs(means[(degree + 1) ** 2 :]).max() > 1e-4
    gaps = np.linalg.norm(points[:, None] - points, axis=-1) + 2 * np.eye(len(points))
    assert gaps.min() > 2 / (degree + 1)  # no point is counted twice


def test_monomials_of_degree_20() -> None:
    points, weights = t_design(20)
    for a, b, c in ((20, 0, 0), (0, 10, 10), (6, 6, 8), (2, 4, 12)):
        wanted = 2 * gamma((a + 1) / 2) * gamma((b + 1) / 2) * gamma((c + 1) / 2)
        found = weights @ np.prod(points ** np.array([a, b, c]), axis=1)
        assert found == pytest.approx(wanted / gamma((a + b + c + 3) / 2), abs=1e-12)
    for powers in ((1, 0, 0), (3, 3, 3), (7, 9, 1), (5, 2, 4)):
        assert abs(weights @ np.prod(points ** np.array(powers), axis=1)) < 1e-12


@pytest.mark.slow
def test_sizes_are_the_smallest_known_but_for_two() -> None:
    larger = {}
    for degree, known in HARDIN_SLOANE.items():
        size = len(t_design(degree)[1])
        if size != known:
            larger[degree] = (size, known)
    assert larger == {11: (72, 70), 13: (96, 94)}


def test_octahedron_icosahedron_and_improved_snub_cube() -> None:
    """Degree 7 is McLaren's, with the three coordinates that Hardin and Sloane publish."""
    for degree in range(4):
        assert np.count_nonzero(t_design(degree)[0]) == 6
    cosines = t_design(5)[0] @ t_design(5)[0].T
    for value, count in ((1, 12), (1 / np.sqrt(5), 60), (-1 / np.sqrt(5), 60), (-1, 12)):
        assert np.count_nonzero(np.abs(cosines - value) < 1e-12) == count
    wanted = [0.2666354015167047, 0.4225186537611115, 0.8662468181078206]
    for point in t_design(7)[0]:
        np.testing.assert_allclose(np.sort(np.abs(point)), wanted, atol=1e-14)


def test_groups_and_their_invariants() -> None:
    for order in (12, 24):
        group = rotations_of(order)
        assert group.shape == (order, 3, 3)
        products = (group[:, None] @ group).reshape(-1, 9)
        assert len(np.unique(products, axis=0)) == order
    # Molien: 1 + l^3 + l^4 + 2 l^6 ... for the tetrahedron, 1 + l^4 + l^6 + l^8 + l^9 ...
    assert [invariants(12, t).shape[1] for t in range(1, 13)] == [
        *(0, 0, 1, 2, 2, 4, 5, 6, 8, 10, 11, 14)
    ]
    assert [invariants(24, t).shape[1] for t in range(1, 13)] == [
        *(0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 5, 7)
    ]


def test_points_against_lebedev_and_gauss_legendre() -> None:
    """Free weights need fewer points from degree 14 on; below, symmetry matters as much.

    Against designs without symmetry a Lebedev rule saves a tenth to a quarter already at L = 2, 4.
    """
    sizes = {
        degree: (
            len(t_design(degree)[1]),
            len(lebedev(degree)[1]),
            gauss_legendre(degree).weights().size,
        )
        for degree in (4, 8, 12, 16, 20)
    }
    assert sizes == {
        4: (12, 14, 15),
        8: (36, 38, 45),
        12: (84, 86, 91),
        16: (144, 110, 153),
        20: (216, 170, 231),
    }
    saved = {t: 1 - len(lebedev(t)[1]) / n for t, n in EFFICIENT.items()}
    assert [round(saved[t], 2) for t in (8, 16, 20)] == [0.1, 0.25, 0.23]
    assert min(saved.values()) == 0


def test_bad_degree() -> None:
    for degree in (-1, LARGEST + 1):
        with pytest.raises(ValueError, match=f"no t-design of degree {degree} here: use 0..21"):
            t_design(degree)
