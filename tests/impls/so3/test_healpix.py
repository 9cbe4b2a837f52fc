"""HEALPix: how many points, where, and how well they integrate."""

import numpy as np
import pytest

from impls.so3.harmonics import spherical_harmonics
from impls.so3.healpix import healpix


@pytest.mark.parametrize("nside", [1, 2, 3, 4])
def test_points_are_on_the_sphere_in_rings_that_half_turns_and_the_equator_keep(nside):
    points = healpix(nside)
    assert points.shape == (12 * nside**2, 3)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, atol=1e-14)
    assert len(np.unique(points[:, 1].round(12))) == 4 * nside - 1
    distance = np.linalg.norm(points[:, None] - points, axis=-1) + 2 * np.eye(len(points))
    assert distance.min() > 0.5 / nside, "no point comes twice"
    for x, y, z in ((1, -1, 1), (-1, 1, -1)):
        other = np.linalg.norm(points[:, None] * [x, y, z] - points, axis=-1)
        np.testing.assert_allclose(other.min(axis=1), 0, atol=1e-12)


def test_the_mean_of_a_harmonic_falls_with_the_square_of_the_resolution():
    errors = [
        np.abs(spherical_harmonics(4, healpix(nside)).mean(axis=0)[1:]).max() for nside in (2, 4, 8)
    ]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]


def test_no_ring_is_refused():
    with pytest.raises(ValueError, match="nside=0"):
        healpix(0)
