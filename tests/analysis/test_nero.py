"""Errors on orbits with known values."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.nero import nero
from impls.groups import circle, direct_product, orthogonal, rotations, shifts, symmetric
from impls.spaces import Space

VECTOR = {"x": Space((5, 3), lambda g, a: a @ np.asarray(g).T)}
OUT = {"z": VECTOR["x"]}
X = {"x": np.random.default_rng(0).standard_normal((5, 3))}


def stretched(a):
    return {"z": a["x"] * np.array([1.0, 1.0, 2.0])}


def doubled(a):
    return {"z": 2 * a["x"]}


def test_curve_of_an_offset_along_a_circle():
    # g^-1 f(g x) = x + g^-1 b has the mean x over the circle; e = sqrt(5) |b| / |x| everywhere
    offset = np.array([0.3, 0.0, 0.0])
    found = nero(lambda a: {"z": a["x"] + offset}, circle((0, 0, 1)), VECTOR, OUT, X, 12)
    expected = np.sqrt(5) * 0.3 / np.linalg.norm(X["x"])
    np.testing.assert_allclose(found.errors, np.full(12, expected))
    np.testing.assert_allclose(found.coordinates["angle"], 2 * np.pi * np.arange(12) / 12)
    along = nero(lambda a: {"z": a["x"] + offset}, circle((1, 0, 0)), VECTOR, OUT, X, 12)
    assert along.errors.max() < 1e-14


def test_error_against_the_truth_follows_the_input():
    found = nero(stretched, circle((1, 0, 0)), VECTOR, OUT, X, 8, truth=lambda a: {"z": a["x"]})
    turned = [X["x"] @ g.T for g in circle((1, 0, 0)).orbit(8).elements]
    expected = [np.linalg.norm(x[:, 2]) / np.linalg.norm(x) for x in turned]
    np.testing.assert_allclose(found.errors, expected)
    assert found.reference == "truth" and found.errors.std() > 0.05


@pytest.mark.parametrize("group", [rotations(), orthogonal()])
def test_consensus_of_an_equivariant_map_is_itself(group):
    good = nero(doubled, group, VECTOR, OUT, X, 32)
    assert good.errors.max() < 1e-14 and good.reference == "consensus"
    assert nero(doubled, group, VECTOR, OUT, X, 32, truth=doubled).errors.max() == 0.0
    bad = nero(stretched, group, VECTOR, OUT, X, 32)
    assert bad.errors.max() > 0.1
    wrong = nero(doubled, group, VECTOR, OUT, X, 32, truth=lambda a: {"z": a["x"]})
    np.testing.assert_allclose(wrong.errors, 1.0)
    row = bad.table()[3]
    assert row["group"] == group.name and row["error"] == bad.errors[3] and "angle" in row


def test_a_map_that_keeps_rotations_and_not_inversion():
    space_out = {"z": Space((), lambda g, a: a)}

    def volume(a):
        return {"z": np.abs(np.linalg.det(a["x"][:3]) + 1.0)}

    found = nero(volume, orthogonal(), VECTOR, space_out, X, 32)
    det = found.coordinates["det"]
    assert np.ptp(found.errors[det > 0]) < 1e-12 and np.ptp(found.errors[det < 0]) < 1e-12
    assert found.errors.max() > 0.1


def test_shifts_and_permutations():
    image = {"x": Space((4, 6), lambda g, a: np.roll(a, g, axis=(0, 1)))}
    x = {"x": np.random.default_rng(1).standard_normal((4, 6))}
    weights = np.ones((4, 6))
    weights[0, 0] = 3.0
    found = nero(lambda a: {"z": weights * a["x"]}, shifts(4, 6), image, {"z": image["x"]}, x, 24)
    assert len(found.errors) == 24 and set(found.coordinates) == {"shift_0", "shift_1"}
    mean = x["x"] * (1 + 2 / 24)
    # at shift (a, b) the entry (-a, -b) of x is tripled; all others fall short of the mean
    size = 2 / 24 * x["x"]
    for a, b, error in zip(*found.coordinates.values(), found.errors, strict=True):
        gap = size.copy()
        entry = int(-a) % 4, int(-b) % 6
        gap[entry] = 3 * x["x"][entry] - mean[entry]
        np.testing.assert_allclose(error, np.linalg.norm(gap) / np.linalg.norm(mean), rtol=1e-12)

    nodes = {"x": Space((4,), lambda p, a: a[np.argsort(p)])}
    values = {"x": np.array([1.0, 2.0, 4.0, 8.0])}
    first = nero(lambda a: {"z": a["x"][:1]}, symmetric(4), nodes, {"z": Space((1,))}, values, 99)
    moved = first.coordinates["i"] == 0
    assert len(first.errors) == 7 and np.ptp(first.errors[~moved]) == 0.0
    assert nero(
        lambda a: {"z": np.sort(a["x"])}, symmetric(4), nodes, {"z": Space((4,))}, values, 99
    ).errors.max() == 0.0  # fmt: skip


def test_refusals():
    with pytest.raises(ValueError, match="has no orbit to draw"):
        nero(doubled, direct_product(a=rotations(), b=symmetric(2)), VECTOR, OUT, X, 8)
    with pytest.raises(ValueError, match="at least 2"):
        nero(doubled, rotations(), VECTOR, OUT, X, 1)
    with pytest.raises(ValueError, match="consensus is identically zero"):
        nero(lambda a: {"z": 0 * a["x"]}, rotations(), VECTOR, OUT, X, 8)


def test_an_entry_counts_where_it_has_a_partner():
    """A window of 6 of a ring of 8: a shift back moves entries in that the window never had."""
    ring, window = shifts(8), 6
    signal = {"x": np.random.default_rng(4).standard_normal(8)}
    spaces = {"x": Space((8,), lambda g, a: np.roll(a, g[0]))}

    def moved(g, a):
        whole = np.concatenate([a, np.zeros(2)])
        return np.roll(whole, g[0])[:window]

    def mask(g):
        return {"z": np.roll(np.arange(8) < window, g[0])[:window]}

    def first(a):
        return {"z": a["x"][:window]}

    arguments = first, ring, spaces, {"z": Space((window,), moved)}, signal, 8
    assert nero(*arguments).errors.max() > 0.1
    assert nero(*arguments, mask).errors.max() < 1e-15
    assert nero(*arguments, mask, truth=first).errors.max() == 0.0

    def spoiled(a):  # wrong at one place of the window, whatever is there
        return {"z": first(a)["z"] + 0.5 * (np.arange(window) == 2)}

    found = nero(spoiled, *arguments[1:], mask)
    assert 0.05 < found.errors.min() and found.errors.max() < 1.0
    with pytest.raises(ValueError, match="leaves no entry"):
        nero(*arguments, lambda g: {"z": np.zeros(window)})
