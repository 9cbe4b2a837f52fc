"""Family disk: points of the disc, how turns move fields on them, facets, refusals."""

import numpy as np
import pytest

from impls.families.disk import FAMILY, ask, grid, points_of
from impls.so3.rotations import axis_angle
from impls.streams import Streams


def turn(angle):
    return axis_angle((0.0, 1.0, 0.0), angle)


@pytest.mark.parametrize("points", [(8, 16, 0), (8, 4, 64)])
def test_areas_are_those_of_the_disc(points):
    places, areas = grid(*points)
    assert areas.sum() == pytest.approx(np.pi, rel=0.15)
    assert np.hypot(*places.T).max() <= 1 + 1e-12


def test_a_turn_of_the_grid_moves_points_to_points():
    asked = ask(1, rings=2, angles=6, channels=1, batch=1, dtype="float64")
    space = FAMILY.inputs(asked)["x"]
    field = np.zeros(space.shape)
    field[..., 1] = 1.0
    np.testing.assert_allclose(space.act(turn(np.pi / 3), field)[0, 0, 0, 2], 1, atol=1e-15)
    places, _ = points_of(asked)
    moved = turn(np.pi / 3)[np.ix_([2, 0], [2, 0])] @ places[1]
    np.testing.assert_allclose(moved, places[2], atol=1e-15)


@pytest.mark.parametrize("options", [{"angles": 10}, {"side": 32}])
def test_any_turn_moves_a_smooth_field_as_a_function(options):
    asked = ask(2, spin=1, rings=3, channels=1, batch=1, dtype="float64", **options)
    space, (places, _) = FAMILY.inputs(asked)["x"], points_of(asked)
    about = turn(0.7)[np.ix_([2, 0], [2, 0])]

    def field(p):  # of low order on each ring, and smooth between pixels
        fades = np.exp(-8 * (p**2).sum(axis=1))
        return np.stack([p[:, 0] * fades, (1 + p[:, 1]) * fades])[None, None]

    error = space.act(turn(0.7), field(places)) - about @ field(places @ about)
    assert np.abs(error).max() < (1e-3 if "side" in options else 1e-14)


def test_quarter_turns_of_pixels_are_exact():
    asked = ask(1, side=7, channels=1, batch=1, dtype="float64")
    space = FAMILY.inputs(asked)["x"]
    field = FAMILY.draw(asked, Streams(0))["x"]
    moved = field
    for _ in range(4):
        moved = space.act(turn(np.pi / 2), moved)
    np.testing.assert_allclose(moved, field, atol=1e-14)
    assert np.abs(space.act(turn(np.pi / 2), field) - field).max() > 0.1


def test_fields_have_no_wave_that_turns_cannot_shift():
    asked = ask(1, rings=3, angles=4, channels=2, batch=2)
    field = FAMILY.draw(asked, Streams(0))["x"].reshape(2, 2, 1, 3, 4)
    np.testing.assert_allclose(np.fft.rfft(field)[..., -1], 0, atol=1e-14)


def test_facets_and_refusals():
    assert FAMILY.facets(ask(2, channels=3, batch=4)) == {
        "lmax": 2,
        "grid": "polar",
        "spin": 0,
        "rings": 8,
        "angles": 8,
        "channels": 3,
        "channels_out": 3,
        "batch": 4,
        "data": "normal",
    }
    assert FAMILY.facets(ask(1, side=16))["side"] == 16
    assert FAMILY.check(ask(2, spin=1, angles=7)) is None
    assert "use angles > 6" in str(FAMILY.check(ask(2, spin=1, angles=6)))
    assert "use side=2 or more" in str(FAMILY.check(ask(1, side=1)))
    assert "kept by four turns" in str(FAMILY.check(ask(1, side=8, angles=8)))
