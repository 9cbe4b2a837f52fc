"""Recurrent layers of sequences: values by independent libraries, and which flows they keep."""

import numpy as np
import pytest
from scipy.ndimage import correlate

from impls.families.sequences import FAMILY, ask
from impls.groups.flows import flows
from impls.layers.fernn.velocities import SHIFTS, TURNS
from impls.registry import load

REGISTRY = load()
LAYERS = ("grnn_layer", "fernn_layer", "fernn_pooled_layer")
TURNING = ("grnn_rotation_layer", "fernn_rotation_layer", "fernn_rotation_pooled_layer")


def question(height=5, width=None, frames=4, **knobs):
    asked = ask(height, width, frames=frames, channels=2, hidden=3, batch=2, dtype="float64")
    return asked.at(**knobs)


def silu(a):
    return a / (1 + np.exp(-a))


def motion(velocity, frames, *sides):
    """Return the element of a flow of velocity (dy, dx, quarters)."""
    return np.arange(frames)[:, None] * np.array(velocity) % (*sides, 4)


def error(name, asked, g, judge, masked=True):
    """Return |f(g x) - g f(x)| over |g f(x)|, of what the mask leaves or of all."""
    operation = REGISTRY.operation(name)
    inputs, weights = judge.draw(FAMILY, operation, asked)
    space = operation.outputs(asked)["h"]
    moved = {"u": FAMILY.inputs(asked)["u"].act(g, inputs["u"])}
    found = operation.oracle(asked, moved, weights)["h"]
    wanted = space.act(g, operation.oracle(asked, inputs, weights)["h"])
    kept = operation.mask(asked, g)["h"] if masked and operation.mask else np.ones(())
    return np.linalg.norm(kept * (found - wanted)) / np.linalg.norm(kept * wanted)


def test_states_of_each_velocity_are_those_of_a_library(judge):
    """By convolutions of PyTorch and one roll a velocity, as released code has it."""
    torch = pytest.importorskip("torch")
    convolve = torch.nn.functional.conv2d

    def convolved(a, kernel):
        return convolve(torch.nn.functional.pad(a, (1, 1, 1, 1), mode="circular"), kernel)

    operation, asked = REGISTRY.operation("fernn_layer"), question(5, 4, reach=1)
    inputs, weights = judge.draw(FAMILY, operation, asked)
    u = torch.tensor(inputs["u"]).permute(0, 1, 4, 2, 3)
    w, m = (torch.tensor(weights[name]).permute(3, 2, 0, 1) for name in "WU")
    found = operation.oracle(asked, inputs, weights)["h"]
    velocities = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    assert SHIFTS.velocities(asked, 1).tolist() == [list(v) for v in velocities]
    for n, v in enumerate(velocities):
        h = torch.zeros(2, 3, 5, 4, dtype=torch.float64)
        for t in range(4):
            h = torch.nn.functional.silu(
                convolved(u[:, t], w) + convolved(h.roll(v, dims=(2, 3)), m)
            )
        np.testing.assert_allclose(found[:, n], h.permute(0, 2, 3, 1), atol=1e-13)
    plain = REGISTRY.operation("grnn_layer").oracle(asked, inputs, weights)["h"]
    np.testing.assert_allclose(plain, found[:, velocities.index((0, 0))], atol=1e-13)
    pooled = REGISTRY.operation("fernn_pooled_layer").oracle(asked, inputs, weights)["h"]
    np.testing.assert_array_equal(pooled, found.max(axis=1))


def test_states_that_turn_are_those_of_turned_kernels_one_after_another(judge):
    operation, asked = REGISTRY.operation("fernn_rotation_layer"), question(4, frames=3, reach=1)
    inputs, weights = judge.draw(FAMILY, operation, asked)
    found = operation.oracle(asked, inputs, weights)["h"]

    def convolved(images, kernel, turns):
        """Return [height, width, out], of all channels by SciPy."""
        kernel = np.rot90(kernel, turns)
        pairs = np.ndindex(kernel.shape[2:])
        each = {(c, d): correlate(images[..., c], kernel[..., c, d], mode="wrap") for c, d in pairs}
        channels, out = range(kernel.shape[2]), range(kernel.shape[3])
        return np.stack([sum(each[c, d] for c in channels) for d in out], axis=-1)

    for n, w in enumerate((-1, 0, 1)):
        h = np.zeros((4, 4, 4, 3))  # orientations first
        for u in inputs["u"][0]:
            before = [np.rot90(h[(o - w) % 4], w) for o in range(4)]
            h = np.stack(
                [
                    silu(
                        convolved(u, weights["W"], o)
                        + sum(convolved(before[p], weights["U"][(p - o) % 4], o) for p in range(4))
                    )
                    for o in range(4)
                ]
            )
        np.testing.assert_allclose(found[0, n], h.transpose(1, 2, 0, 3), atol=1e-13)


@pytest.mark.parametrize("frames", [2, 3, 5])
def test_covered_states_flow_with_their_input_and_others_do_not(frames, judge):
    asked = question(6, 7, frames, reach=2)
    for velocity in ((1, 0, 0), (-1, 2, 0), (3, 0, 0), (4, -4, 0)):
        g = motion(velocity, frames, 6, 7)
        _, covered = SHIFTS.partners(asked, 2, g)
        assert 0 < covered.sum() < 25
        assert error("fernn_layer", asked, g, judge) < 1e-13
        assert error("fernn_layer", asked, g, judge, masked=False) > 0.2


def test_a_velocity_too_fast_for_all_leaves_nothing_covered():
    g = motion((5, 0, 0), 3, 16, 16)
    assert not SHIFTS.partners(question(16), 2, g)[1].any()
    assert SHIFTS.partners(question(16), 8, g)[1].all()


def test_a_state_after_t_frames_has_gone_one_step_less(judge):
    """The first frame is at rest: what moved as the next frame would is far off."""
    operation, asked = REGISTRY.operation("fernn_layer"), question(5, reach=2)
    inputs, weights = judge.draw(FAMILY, operation, asked)
    g = motion((1, 1, 0), 4, 5, 5)
    moved = FAMILY.inputs(asked)["u"].act(g, inputs["u"])
    found = operation.oracle(asked, {"u": moved}, weights)["h"]
    wanted = operation.outputs(asked)["h"].act(g, operation.oracle(asked, inputs, weights)["h"])
    np.testing.assert_allclose(found, wanted, atol=1e-13)
    late = np.roll(wanted, (1, 1), (2, 3))
    assert np.linalg.norm(found - late) > 0.3 * np.linalg.norm(found)


def test_a_plain_state_does_not_flow(judge):
    for velocity in ((1, 0, 0), (0, 2, 0), (-1, 1, 0)):
        assert error("grnn_layer", question(6, 7), motion(velocity, 4, 6, 7), judge) > 0.2
    for quarters in (1, 2, 3):
        g = motion((0, 0, quarters), 4, 5, 5)
        assert error("grnn_rotation_layer", question(5), g, judge) > 0.2


def test_the_largest_state_flows_where_all_velocities_are_known_and_nowhere_else(judge):
    g = motion((1, 2, 0), 4, 5, 6)
    errors = [error("fernn_pooled_layer", question(5, 6, reach=n), g, judge) for n in (1, 2, 3)]
    assert errors[0] > errors[1] > 0.02 and errors[2] < 1e-13
    assert len(SHIFTS.velocities(question(5, 6), 3)) == 5 * 6
    turn = motion((0, 0, 1), 4, 5, 5)
    few, all_four = (
        error("fernn_rotation_pooled_layer", question(reach=n), turn, judge) for n in (1, 2)
    )
    assert few > 0.02 and all_four < 1e-13
    assert len(TURNS.velocities(question(), 2)) == 4


def test_states_that_turn_are_covered_by_those_that_are_known(judge):
    for quarters in (1, 2, 3):
        g = motion((0, 0, quarters), 4, 5, 5)
        few, every = question(reach=1), question(reach=2)
        assert TURNS.partners(few, 1, g)[1].sum() == 2
        assert error("fernn_rotation_layer", few, g, judge) < 1e-13
        assert error("fernn_rotation_layer", few, g, judge, masked=False) > 0.2
        assert error("fernn_rotation_layer", every, g, judge, masked=False) < 1e-13


def test_shifts_and_turns_of_all_frames_alike(judge):
    """Each layer keeps what its kernels keep; a state that turns is not shifted with its frames."""
    shift, turn = np.array([[2, 1, 0]] * 4), np.array([[0, 0, 1]] * 4)
    for name in (*LAYERS, "grnn_rotation_layer"):
        assert error(name, question(), shift, judge) < 1e-13
    for name in TURNING:
        assert error(name, question(), turn, judge) < 1e-13
    for name in LAYERS:
        assert error(name, question(), turn, judge) > 0.2
    for name in TURNING[1:]:
        assert error(name, question(), shift, judge) > 0.2


def test_velocities_turn_with_all_frames():
    """A flow, turned: its states are those of turned velocities."""
    asked = question(5)
    group, g = flows(5, 5, 4), motion((1, 0, 0), 4, 5, 5)
    turn = np.array([[0, 0, 1]] * 4)
    both = group.mul(turn, g)
    space = REGISTRY.operation("fernn_layer").outputs(asked.at(reach=2))["h"]
    a = np.random.default_rng(0).standard_normal(space.shape)
    np.testing.assert_array_equal(space.act(both, a), space.act(turn, space.act(g, a)))


@pytest.mark.parametrize("name", [*LAYERS, *TURNING])
def test_at_all_knobs(name, agrees):
    operation = REGISTRY.operation(name)
    for reach in operation.knobs[0].values(question(4)) if operation.knobs else ():
        agrees(operation, question(4, reach=reach))
    agrees(operation, question(1, frames=2))


def test_what_a_velocity_costs():
    few, many = (
        REGISTRY.operation("fernn_layer").cost(question(16, frames=20, reach=n)) for n in (1, 2)
    )
    assert many["flops"] / few["flops"] == pytest.approx(25 / 9, rel=0.1)


def test_refusals():
    layer = REGISTRY.operation("fernn_layer")
    assert layer.supports(question(4, 6)) is None
    assert "reach=0 leaves the velocity 0 alone" in str(layer.supports(question(reach=0)))
    for name in TURNING:
        said = str(REGISTRY.operation(name).supports(question(4, 6)))
        assert "no motion of 4 x 6 pixels" in said and "use width=4" in said
    for name in ("fernn_pooled_layer", "fernn_rotation_pooled_layer"):
        assert "jumps" in REGISTRY.operation(name).why_not("grad")
