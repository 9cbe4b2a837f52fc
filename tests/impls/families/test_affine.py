"""Family affine: what a map moves, what is within reach of samples, refusals."""

import numpy as np
import pytest

from impls.families.affine import FAMILY, RADIUS, SMALL, ask
from impls.groups.linear import coordinates
from impls.streams import Streams


def moved(name, asked):
    group, spaces = FAMILY.group(asked), FAMILY.inputs(asked)
    (g,) = group.subgroups[name].sample(np.random.default_rng(0), 1)
    arrays = FAMILY.draw(asked, Streams(0))
    return g, arrays, {key: space.act(g, arrays[key]) for key, space in spaces.items()}


@pytest.mark.parametrize("group", ["sl2", "gl2"])
def test_maps_move_positions_and_elements_and_samples_or_not(group):
    asked = ask(3, group=group, channels=2, batch=2, dtype="float64")
    g, before, after = moved("linear_scaled" if group == "gl2" else "linear", asked)
    np.testing.assert_allclose(after["r"], before["r"] @ g["moved"].T)
    np.testing.assert_allclose(after["g"], g["moved"] @ before["g"])
    np.testing.assert_array_equal(after["h"], before["h"])
    np.testing.assert_array_equal(after["x"], before["x"])
    assert (np.linalg.det(g["moved"]) == pytest.approx(1)) == (group == "sl2")
    g, before, after = moved("linear_with_samples", asked)
    np.testing.assert_allclose(after["h"], g["moved"] @ before["h"])


def test_gradients_of_positions_pair_with_differences():
    asked = ask(4, group="gl2", channels=1, batch=1, dtype="float64")
    space = FAMILY.inputs(asked)["r"]
    (g,) = FAMILY.group(asked).sample(np.random.default_rng(0), 1)
    a, b, d = np.random.default_rng(1).standard_normal((3, *space.shape))
    pairing = np.sum(space.gradient().act(g, d) * (space.act(g, a) - space.act(g, b)))
    assert pairing == pytest.approx(np.sum(d * (a - b)))


@pytest.mark.parametrize("group", ["sl2", "gl2"])
def test_what_a_kernel_sees_is_within_reach_of_all_samples(group):
    """Of the samples that are near an element of the question, none is at their edge."""
    asked = ask(1, group=group, elements=16, channels=1, batch=2, dtype="float64")
    _, before, after = moved("linear_scaled" if group == "gl2" else "linear", asked)
    xi = coordinates(before["h"])
    largest = np.hypot(xi[..., 0], xi[..., 1]).max()
    near = coordinates(np.linalg.inv(after["g"])[:, :, None] @ before["h"][:, None])
    counts = slice(4 if group == "gl2" else 3)
    within = ((near[..., counts] ** 2).sum(axis=-1) < RADIUS**2).any(axis=1)
    assert np.hypot(xi[..., 0], xi[..., 1])[within].max() < largest
    assert 0.02 < within.mean() < 0.9
    assert np.hypot(*np.moveaxis(coordinates(before["g"])[..., :2], -1, 0)).max() < SMALL * 2**0.5


def test_samples_of_another_measure_go_by_another_name():
    assert "linear" not in FAMILY.group(ask(data="lognormal")).subgroups
    assert "linear_lognormal" in FAMILY.group(ask(data="lognormal")).subgroups


def test_facets_and_refusals():
    assert FAMILY.facets(ask(2, channels=3, batch=1)) == {
        "group": "sl2",
        "points": 2,
        "elements": 4,
        "channels": 3,
        "channels_out": 3,
        "batch": 1,
        "data": "haar",
    }
    assert "unknown group 'so2'" in str(FAMILY.check(ask(group="so2")))
    assert "unknown data 'flat'" in str(FAMILY.check(ask(data="flat")))
