"""Lifts of an image: all maps that a turn allows, by null space, and what others break."""

import numpy as np
import pytest

from analysis.equivariance import errors
from analysis.homs import hom_dimension, intertwiners, representation, spanned
from impls.families.disk import FAMILY, ask, points_of
from impls.groups import circle
from impls.layers.restricted_lift.operation import terms
from impls.registry import load
from impls.so3.harmonics import spherical_harmonics
from impls.so3.space import irreps_space
from impls.spaces import Space
from impls.streams import Streams

REGISTRY = load()


def drawn(name, asked, **knobs):
    """Return an operation as a function of fields, with weights, and fields."""
    operation, rng = REGISTRY.operation(name), np.random.default_rng(2)
    weights = {key: space.sample(rng) for key, space in operation.weights(asked).items()}

    def lift(inputs):
        return operation.oracle(asked.at(**knobs), inputs, weights)

    return lift, FAMILY.draw(asked, Streams(1))


def broken(name, asked, subgroup, **knobs):
    """Return the mean error of an operation under a subgroup."""
    lift, inputs = drawn(name, asked, **knobs)
    spaces, outputs = FAMILY.inputs(asked), REGISTRY.operation(name).outputs(asked)
    elements = FAMILY.group(asked).subgroups[subgroup].sample(np.random.default_rng(0), 8)
    return errors(lift, spaces, outputs, inputs, elements).summary()["mean"]


def question(lmax=2, **options):
    return ask(lmax, **{"rings": 3, "channels": 2, "batch": 2, "dtype": "float64"} | options)


def wave(order):
    """Return the Space of an irrep of turns about the polar axis."""

    def act(g, a):
        angle = order * np.arctan2(g[0, 2], g[2, 2])
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return a @ turn.T if order else a

    return Space((2,) if order else (1,), act)


def test_a_wave_meets_a_degree_as_often_as_frobenius_says():
    found = [
        [hom_dimension([wave(m)], irreps_space((2 * degree + 1,), str(degree)), [circle()]).value
         for m in range(5)]
        for degree in range(4)
    ]  # fmt: skip
    assert found == [[1, 0, 0, 0, 0], [1, 2, 0, 0, 0], [1, 2, 2, 0, 0], [1, 2, 2, 2, 0]]


@pytest.mark.parametrize(("lmax", "spin"), [(1, 0), (2, 0), (1, 1), (1, 2)])
def test_weights_span_every_map_that_commutes_with_turns(lmax, spin):
    asked = FAMILY.single(question(lmax, spin=spin, rings=2))
    operation, space = REGISTRY.operation("restricted_lift"), FAMILY.inputs(asked)["x"]
    output, count = operation.outputs(asked)["z"], 2 * (2 if spin else 1) * (lmax + 1) ** 2
    elements = FAMILY.group(asked).subgroups["rotation"].sample(np.random.default_rng(0), 6)
    full = intertwiners([representation(space, elements)], representation(output, elements))
    size = int(np.prod(space.shape))
    every = {"x": np.eye(size).reshape(size, *space.shape[1:])}
    many = asked.with_sizes(batch=size)
    maps = [
        operation.oracle(many, every, {"w": one.reshape(2, 1, 1, -1)})["z"] for one in np.eye(count)
    ]
    assert len(list(terms(lmax, spin))) == count // 2
    assert spanned(np.array(maps)).value == full.value == count


@pytest.mark.parametrize("spin", [0, 1, 3])
def test_on_the_polar_grid_every_turn_is_kept(spin):
    assert broken("restricted_lift", question(spin=spin), "rotation") < 1e-13


def test_on_pixels_quarter_turns_are_kept_and_others_nearly():
    sides = [
        broken("restricted_lift", question(side=side), "interpolated_rotation")
        for side in (16, 32, 64)
    ]
    assert broken("restricted_lift", question(side=16), "quarter_turn") < 1e-13
    assert 1e-4 < sides[2] < sides[1] < sides[0] < 0.2 and sides[1] < 0.03


def test_a_lift_of_a_ring_is_a_sum_of_harmonics_turned():
    """With w = 1 for l and n, a field that is 1 at one point says cos n phi, sin n phi of it."""
    asked = question(2, rings=1, angles=7, channels=1, batch=1)
    _, areas = points_of(asked)
    operation, at = REGISTRY.operation("restricted_lift"), 3
    field, w = np.zeros((1, 1, 1, 7)), np.zeros((1, 1, 1, 9))
    field[..., at] = 1 / areas[at]
    w[..., list(terms(2, 0)).index((2, 2, 0, 0))] = 1.0
    z = operation.oracle(asked, {"x": field}, {"w": w})["z"][0, 0]
    angle = 2 * np.pi * at / 7
    expected = np.zeros(9)
    expected[[8, 4]] = np.cos(2 * angle), np.sin(2 * angle)
    np.testing.assert_allclose(z, expected, atol=1e-14)


def test_points_see_what_is_below_them():
    """A field that is one everywhere is seen as the taper; a spot beside the axis on its side."""
    asked = question(6, channels=1, channels_out=1, batch=1, side=32)
    operation, (places, _) = REGISTRY.operation("orthographic_lift"), points_of(asked)
    weights = {"W": np.ones((1, 1))}
    spot = np.exp(-(((places - [0.5, 0.0]) / 0.1) ** 2).sum(axis=1))[None, None, None]
    z = operation.oracle(asked.at(nside=8), {"x": spot}, weights)["z"][0, 0]
    angles = np.radians(np.arange(0, 181, 5))
    way = np.stack([0 * angles, np.cos(angles), np.sin(angles)], axis=1)
    seen = spherical_harmonics(6, way, "component") @ z
    assert np.degrees(angles[np.argmax(seen)]) == pytest.approx(35, abs=10)  # 0.9 sin = 0.5


def test_a_grid_of_the_sphere_keeps_quarter_turns_and_others_by_its_resolution():
    asked = question(channels=1)
    assert broken("orthographic_lift", asked, "quarter_turn") < 1e-13
    coarse, fine = (broken("orthographic_lift", asked, "rotation", nside=n) for n in (1, 4))
    assert coarse > 0.05 and fine < coarse / 4


@pytest.mark.parametrize("subgroup", ["rotation", "quarter_turn"])
def test_what_is_pooled_moves_with_no_turn(subgroup):
    assert broken("pooled_lift", question(), subgroup) > 0.5


@pytest.mark.parametrize("name", ["orthographic_lift", "pooled_lift"])
def test_lifts_of_scalars_refuse_vectors(name):
    assert "spin=1" in str(REGISTRY.operation(name).supports(question(spin=1)))
