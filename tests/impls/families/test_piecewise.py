"""Family piecewise: axes of parts and their halves, partitions, motions of parts, refusals."""

import numpy as np
import pytest

from impls.families.piecewise import DATA, FAMILY, LEAST, ask, gap_of, groups_of
from impls.streams import Streams

PARTS, POINTS = 3, 9


def question(data="true", batch=32):
    return ask(PARTS, POINTS, channels=2, batch=batch, data=data, dtype="float64")


def drawn(data="true", batch=32):
    return FAMILY.draw(question(data, batch), Streams(0))


def labels(w):
    """Return the group of each point [batch, points] where it has one alone."""
    np.testing.assert_array_equal(np.sort(w, axis=2)[..., :-1], 0)
    np.testing.assert_array_equal(w.max(axis=2), 1)
    return w.argmax(axis=2)


@pytest.mark.parametrize("points", [8, 9, 16])
def test_parts_and_their_halves_have_clear_axes(points):
    r = FAMILY.draw(ask(2, points, batch=50), Streams(1))["r"]
    for part in np.split(r, 2, axis=1):
        for cloud in (part, part[:, : points // 2], part[:, points // 2 :]):
            assert gap_of(cloud).min() >= LEAST * (1 - 1e-9)


def test_a_gap_is_that_of_the_variances():
    p = np.sqrt([[[1.0, 2.0, 5.0]]]) * np.concatenate([np.eye(3), -np.eye(3)])
    assert gap_of(p) == pytest.approx([0.2])


@pytest.mark.parametrize("data", DATA)
def test_shares_of_a_point_are_one_in_all_and_no_group_is_empty(data):
    w = drawn(data)["w"]
    assert w.shape == (32, PARTS * POINTS, groups_of(question(data)))
    np.testing.assert_allclose(w.sum(axis=2), 1, atol=1e-15)
    assert w.min() >= 0 and w.sum(axis=1).min() >= 4


def test_partitions_are_what_they_are_called():
    true, finer, coarser = (labels(drawn(data)["w"])[0] for data in ("true", "finer", "coarser"))
    np.testing.assert_array_equal(true, np.repeat(np.arange(PARTS), POINTS))
    assert len(set(zip(finer, true, strict=True))) == len(set(finer)) == 2 * PARTS
    assert len(set(zip(coarser, true, strict=True))) == len(set(true)) > len(set(coarser))
    w = drawn("soft:0.1")["w"]
    np.testing.assert_allclose(w, 0.9 * np.eye(PARTS)[true] + 0.1 / PARTS * np.ones_like(w))


@pytest.mark.parametrize("share", [0.0625, 0.25, 1])
def test_a_share_of_the_clouds_is_partitioned_wrongly(share):
    true, found = labels(drawn("true")["w"]), labels(drawn(f"wrong:{share}")["w"])
    wrong = (true != found).any(axis=1)
    assert wrong.sum() == 32 * share
    assert ((true != found).sum(axis=1)[wrong] == PARTS).all()


def test_a_motion_of_one_part_moves_it_alone_and_gradients_are_not_translated():
    asked, space = question(), FAMILY.inputs(question())["r"]
    group, r = FAMILY.group(asked), drawn()["r"]
    turns, shifts = group.subgroups["rotation"], group.subgroups["translation"]
    first, _ = turns.sample(np.random.default_rng(0), 2)
    rests = np.array_equal(space.act(first, r)[:, :POINTS], r[:, :POINTS])
    moved = ~np.isclose(space.act(first, r)[:, POINTS:], r[:, POINTS:]).all(axis=2)
    assert rests and moved.all()
    for g in shifts.sample(np.random.default_rng(0), 3):
        np.testing.assert_array_equal(space.gradient().act(g, r), r)
        assert not np.array_equal(space.act(g, r), r)


@pytest.mark.parametrize("name", ["r", "h", "w"])
def test_actions_are_those_of_a_group(name):
    asked = question()
    group, space, a = FAMILY.group(asked), FAMILY.inputs(asked)[name], drawn()[name]
    g, k = group.sample(np.random.default_rng(3), 2)
    np.testing.assert_allclose(
        space.act(g, space.act(k, a)), space.act(group.mul(g, k), a), atol=1e-12
    )
    np.testing.assert_allclose(space.act(group.inv(g), space.act(g, a)), a, atol=1e-12)


def test_points_change_places_within_their_parts():
    asked, true = question(), drawn()["w"]
    for g in FAMILY.group(asked).subgroups["permutation"].sample(np.random.default_rng(0), 3):
        np.testing.assert_array_equal(FAMILY.inputs(asked)["w"].act(g, true), true)
    assert set(FAMILY.group(asked).subgroups) == {
        "rotation", "inversion", "translation", "permutation",
    }  # fmt: skip


def test_facets_say_what_is_asked_and_no_more():
    sizes = {"parts": PARTS, "points": POINTS, "channels": 2, "batch": 32}
    assert FAMILY.facets(question()) == sizes
    assert FAMILY.facets(question("finer")) == {"partition": "finer", **sizes}
    wrong = {"partition": "wrong", "share": 0.25, **sizes}
    assert FAMILY.facets(question("wrong:0.25")) == wrong
    soft = {"partition": "soft", "softness": 0.1, **sizes}
    assert FAMILY.facets(question("soft:0.1")) == soft


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (ask(1, 8), "parts=1"),
        (ask(2, 7), "points=7"),
        (ask(2, 8, data="wrong:2"), "coarser"),
    ],
)
def test_what_is_no_cloud_of_parts_is_refused(asked, said):
    assert said in str(FAMILY.check(asked))
