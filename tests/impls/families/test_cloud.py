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


def drawn(data, points=8, batch=50):
    arrays = FAMILY.draw(ask(points, batch=batch, data=data), Streams(0))
    r = arrays["r"] - arrays["r"].mean(axis=1, keepdims=True)
    values, axes = np.linalg.eigh(r.swapaxes(1, 2) @ r / points)
    return arrays, values, axes, r @ axes


@pytest.mark.parametrize("data", FAMILY.data)
def test_variances_along_principal_axes_are_those_of_the_data(data):
    np.testing.assert_allclose(drawn(data)[1], np.tile(VARIANCES[data], (50, 1)), atol=1e-13)


@pytest.mark.parametrize("points", [4, 5, 16])
def test_separated_clouds_have_third_moments_and_directions_off_the_planes(points):
    arrays, values, axes, along = drawn("separated", points)
    moments = np.abs((along**3).mean(axis=1)) / values**1.5
    assert moments.min() >= LEAST * (1 - 1e-9)
    assert arrays["n"].shape == (50, DRAWS, 3)
    parts = arrays["n"] @ axes
    assert np.abs(parts).min() >= LEAST * (1 - 1e-9)
    assert abs(np.sign(parts).mean()) < 0.1
    np.testing.assert_allclose(arrays["n"].mean(axis=(0, 1)), 0, atol=0.2)


@pytest.mark.parametrize("points", [8, 9])
def test_even_clouds_are_their_own_images(points):
    _, _, _, along = drawn("even", points)
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


def test_facets_say_what_is_asked_and_no_more():
    sizes = {"points": 8, "channels": 16, "batch": 100}
    assert FAMILY.facets(ask(8)) == {"backbone": "deepsets", **sizes}
    assert FAMILY.facets(ask(8, "mlp", data="even")) == {"backbone": "mlp", "data": "even", **sizes}
    near = {"backbone": "deepsets", "gap": 1e-9, **sizes}
    assert FAMILY.facets(ask(8, data="gap:1e-9")) == near


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (ask(3), "points=3"),
        (ask(5, data="even"), "use 6"),
        (ask(8, "transformer"), "backbone"),
        (ask(8, data="gap:2"), "gap:0"),
    ],
)
def test_what_is_no_cloud_is_refused(asked, said):
    assert said in str(FAMILY.check(asked))
