"""Family cloud: spectra, third moments, directions, facets, groups, refusals."""

import numpy as np
import pytest

from impls.families.cloud import DRAWS, FAMILY, LEAST, ask
from impls.streams import Streams

VARIANCES = {
    "separated": (0.25, 0.5, 1.0),
    "even": (0.25, 0.5, 1.0),
    **{f"gap:{gap}": (0.25, 1 - float(gap), 1.0) for gap in ("1e-3", "1e-6", "1e-9", "1e-12", "0")},
}


def drawn(data, points=8, batch=50, dimension=3):
    asked = ask(points, dimension=dimension, batch=batch, data=data)
    arrays = FAMILY.draw(asked, Streams(0))
    r = arrays["r"] - arrays["r"].mean(axis=1, keepdims=True)
    values, axes = np.linalg.eigh(r.swapaxes(1, 2) @ r / points)
    return arrays, values, axes, r @ axes


@pytest.mark.parametrize("dimension", [3, 2])
@pytest.mark.parametrize("data", FAMILY.data)
def test_variances_along_principal_axes_are_those_of_the_data(data, dimension):
    wanted = np.tile(VARIANCES[data][-dimension:], (50, 1))
    np.testing.assert_allclose(drawn(data, dimension=dimension)[1], wanted, atol=1e-13)


@pytest.mark.parametrize(("points", "dimension"), [(4, 3), (5, 3), (16, 3), (3, 2), (9, 2)])
def test_separated_clouds_have_third_moments_and_directions_off_the_planes(points, dimension):
    arrays, values, axes, along = drawn("separated", points, dimension=dimension)
    moments = np.abs((along**3).mean(axis=1)) / values**1.5
    assert moments.min() >= LEAST * (1 - 1e-9)
    assert arrays["n"].shape == (50, DRAWS, dimension)
    parts = arrays["n"] @ axes
    assert np.abs(parts).min() >= LEAST * (1 - 1e-9)
    assert abs(np.sign(parts).mean()) < 0.1
    np.testing.assert_allclose(arrays["n"].mean(axis=(0, 1)), 0, atol=0.2)


@pytest.mark.parametrize(("points", "dimension"), [(8, 3), (9, 3), (4, 2), (5, 2)])
def test_even_clouds_are_their_own_images(points, dimension):
    _, _, _, along = drawn("even", points, dimension=dimension)
    assert np.abs((along**3).mean(axis=1)).max() < 1e-13


def test_a_set_is_permuted_and_numbered_points_are_not():
    with_order, without = (FAMILY.group(ask(5, backbone)) for backbone in ("mlp", "deepsets"))
    assert set(without.subgroups) - set(with_order.subgroups) == {"permutation"}
    g = without.sample(np.random.default_rng(0), 1)[0]
    r = np.random.default_rng(1).standard_normal((100, 5, 3))
    moved = FAMILY.inputs(ask(5))["r"].act(g, r)
    turn, shift = g["space"][:3, :3], g["space"][:3, 3]
    np.testing.assert_allclose(moved[:, g["points"]], r @ turn.T + shift)
    dual = FAMILY.inputs(ask(5))["r"].gradient().act(g, r)
    np.testing.assert_allclose(dual[:, g["points"]], r @ turn.T)


def test_in_the_plane_positions_turn_are_mirrored_and_translated_and_directions_are_not():
    asked = ask(5, dimension=2)
    group, spaces = FAMILY.group(asked), FAMILY.inputs(asked)
    assert group.name == "E(2) x S_5"
    named = {"rotation", "quarter_turn", "mirror", "translation", "permutation"}
    assert set(group.subgroups) == named
    g = group.sample(np.random.default_rng(0), 1)[0]
    r = np.random.default_rng(1).standard_normal((100, 5, 2))
    moved = spaces["r"].act(g, r)
    turn, shift = g["space"][:2, :2], g["space"][:2, 2]
    np.testing.assert_allclose(moved[:, g["points"]], r @ turn.T + shift)
    np.testing.assert_allclose(spaces["r"].gradient().act(g, r)[:, g["points"]], r @ turn.T)
    n = np.ones((100, DRAWS, 2))
    np.testing.assert_array_equal(spaces["n"].act(g, n), n)


def test_facets_say_what_is_asked_and_no_more():
    sizes = {"points": 8, "channels": 16, "batch": 100}
    assert FAMILY.facets(ask(8)) == {"backbone": "deepsets", **sizes}
    assert FAMILY.facets(ask(8, "mlp", data="even")) == {"backbone": "mlp", "data": "even", **sizes}
    near = {"backbone": "deepsets", "gap": 1e-9, **sizes}
    assert FAMILY.facets(ask(8, data="gap:1e-9")) == near
    assert FAMILY.facets(ask(8, dimension=2, data="gap:1e-9")) == {**near, "dimension": 2}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (ask(3), "points=3: so few lie in a plane (use 4 or more)"),
        (ask(2, dimension=2), "points=2"),
        (ask(3, dimension=2, data="even"), "lie in a line (use 4 or more)"),
        (ask(8, dimension=4), "unknown dimension 4"),
        (ask(5, data="even"), "use 6"),
        (ask(8, "transformer"), "backbone"),
        (ask(8, data="gap:2"), "gap:0"),
    ],
)
def test_what_is_no_cloud_is_refused(asked, said):
    assert said in str(FAMILY.check(asked))
