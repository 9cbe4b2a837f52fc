"""Family sequences: motions of frames are a group that acts, flows begin at rest, refusals."""

import numpy as np
import pytest

from impls.families.sequences import FAMILY, ask
from impls.groups.flows import FASTEST
from impls.streams import Streams


def drawn(question):
    return FAMILY.group(question), FAMILY.inputs(question)["u"], FAMILY.draw(question, Streams(0))


@pytest.mark.parametrize("sides", [(4, 4), (3, 5)])
def test_motions_are_a_group_and_act(sides):
    group, space, arrays = drawn(ask(*sides, frames=3, channels=2, batch=2))
    u = arrays["u"]
    g, h = group.sample(np.random.default_rng(0), 2)
    np.testing.assert_array_equal(space.act(group.mul(g, h), u), space.act(g, space.act(h, u)))
    np.testing.assert_array_equal(group.mul(g, group.inv(g)), group.identity)
    np.testing.assert_array_equal(space.act(group.identity, u), u)
    assert not np.array_equal(space.act(g, u), u)


def test_flows_are_at_rest_in_the_first_frame_and_go_on_evenly():
    group, space, arrays = drawn(ask(7, frames=4, channels=2, batch=2))
    u = arrays["u"]
    for name in ("shift_flow", "turn_flow"):
        for g in group.subgroups[name].sample(np.random.default_rng(1), 20):
            step = g[1]
            assert step.any() and not g[0].any()
            np.testing.assert_array_equal(g, np.arange(4)[:, None] * step % [7, 7, 4])
            np.testing.assert_array_equal(space.act(g, u)[:, 0], u[:, 0])
    fast = [g[1, :2] for g in group.subgroups["shift_flow"].sample(np.random.default_rng(2), 200)]
    assert {min(v, 7 - v) for v in np.ravel(fast)} == set(range(FASTEST + 1))


def test_motions_in_common_are_the_same_for_all_frames():
    group, space, arrays = drawn(ask(5, frames=3, channels=1, batch=1))
    for name in ("circular_shift", "quarter_turn"):
        (g,) = group.subgroups[name].sample(np.random.default_rng(3), 1)
        assert (g == g[0]).all() and g.any()
    turn = np.array([[0, 0, 1]] * 3)
    np.testing.assert_array_equal(space.act(turn, arrays["u"])[0, 2], np.rot90(arrays["u"][0, 2]))
    shift = np.array([[1, 2, 0]] * 3)
    np.testing.assert_array_equal(
        space.act(shift, arrays["u"])[0, 1], np.roll(arrays["u"][0, 1], (1, 2), (0, 1))
    )


def test_only_squares_turn_and_one_frame_is_refused():
    assert set(FAMILY.group(ask(3, 5)).subgroups) == {"circular_shift", "shift_flow"}
    assert "size frames=1 is not an integer >= 2" in str(FAMILY.check(ask(4, frames=1)))
