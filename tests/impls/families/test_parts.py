"""Family parts: each part on its own, finite groups of rotations, refusals."""

import numpy as np
import pytest

from impls.families.parts import FAMILY, ask, pose_space
from impls.groups.finite import rotations
from impls.streams import Streams

ASKED = ask(3, 5, channels=2, batch=4, dtype="float64")


def test_each_part_is_moved_by_an_element_of_its_own():
    inputs, spaces = FAMILY.draw(ASKED, Streams(0)), FAMILY.inputs(ASKED)
    (g,) = FAMILY.group(ASKED).sample(np.random.default_rng(0), 1)
    moved = spaces["r"].act(g, inputs["r"])
    pose = pose_space(ASKED).act(g, np.tile(np.eye(3), (4, 3, 1, 1)))
    assert np.abs(g["parts"][0] - g["parts"][1]).max() > 0.1
    for part, motion in enumerate(g["parts"]):
        turn, shift = motion[:3, :3], motion[:3, 3]
        for i, place in enumerate(g["points"]):
            wanted = inputs["r"][:, part, i] @ turn.T + shift
            np.testing.assert_allclose(moved[:, part, place], wanted, atol=1e-14)
            features = spaces["h"].act(g, inputs["h"])[:, part, place]
            np.testing.assert_array_equal(features, inputs["h"][:, part, i])
        np.testing.assert_allclose(pose[:, part], np.tile(turn, (4, 1, 1)))


def test_gradients_of_positions_are_not_translated():
    space = FAMILY.inputs(ASKED)["r"]
    one, other, d = np.random.default_rng(1).standard_normal((3, *space.shape))
    (g,) = FAMILY.group(ASKED).sample(np.random.default_rng(2), 1)
    moved = space.act(g, one) - space.act(g, other)
    paired = np.vdot(space.gradient().act(g, d), moved)
    assert paired == pytest.approx(np.vdot(d, one - other), rel=1e-12)


@pytest.mark.parametrize(("name", "order"), [("tetrahedral", 12), ("icosahedral", 60)])
def test_finite_groups_are_named_apart(name, order):
    subgroup = FAMILY.group(ASKED).subgroups[name]
    known, met = rotations(order), set()
    for g in subgroup.sample(np.random.default_rng(3), 300):
        assert not g["parts"][:, :3, 3].any()
        for motion in g["parts"]:
            apart = np.abs(known - motion[:3, :3]).max(axis=(1, 2))
            assert apart.min() < 1e-12
            met.add(int(apart.argmin()))
    assert met == set(range(order))


def test_parts_are_clouds_with_frames():
    r = FAMILY.draw(ask(5, 8, batch=10), Streams(0))["r"]
    p = r - r.mean(axis=2, keepdims=True)
    values = np.linalg.eigvalsh(p.swapaxes(2, 3) @ p / 8)
    np.testing.assert_allclose(values, np.broadcast_to([0.25, 0.5, 1.0], values.shape), atol=1e-13)


def test_facets_say_what_is_asked():
    assert FAMILY.facets(ASKED) == {"parts": 3, "points": 5, "channels": 2, "batch": 4}


@pytest.mark.parametrize(("asked", "said"), [(ask(0), "parts=0"), (ask(2, 3), "points=3")])
def test_what_is_no_part_is_refused(asked, said):
    assert said in str(FAMILY.check(asked))
