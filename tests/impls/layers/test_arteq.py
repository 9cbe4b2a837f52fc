"""ArtEq: each anchor of one part, exact on its group, far off beside it, whatever is pooled."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.special import softmax

from impls.families.parts import FAMILY, ask
from impls.groups.finite import rotations
from impls.implementation import Target
from impls.layers.arteq.operation import ANCHORS, INVARIANTS, POSES
from impls.points import nearest_rotation
from impls.pointwise.activations import activate
from impls.registry import load
from impls.so3.rotations import random_rotations

REGISTRY = load()
BOTH = pytest.mark.parametrize("operation", [POSES, INVARIANTS], ids=lambda o: o.name)


def asked(points=7, channels=4, batch=3, parts=2, **knobs):
    question = ask(parts, points, channels=channels, batch=batch, dtype="float64")
    return question.at(**knobs) if knobs else question


def one_part(points, features, weights, count, placed=None):
    """Return the mean of anchors and the invariants of one part; `placed` knows their places."""
    anchors, c = rotations(count), len(weights["u"])
    p = points - points.mean(axis=0)
    seen = []
    for anchor in anchors:
        rows = [weights["U"].T @ anchor.T @ x + weights["G"].T @ h + weights["u"]
                for x, h in zip(p, features, strict=True)]  # fmt: skip
        seen.append(np.mean([np.tanh(row) for row in rows], axis=0))
    f = np.array(seen)
    invariants = f.mean(axis=0)
    if "t" not in weights:
        return None, invariants
    f = (f - invariants) / np.sqrt(f.var(axis=0) + 1e-5)
    shares = softmax(f @ weights["Q"] @ (f @ weights["K"]).T / np.sqrt(c), axis=1)
    o = f + shares @ f @ weights["V"]
    hidden = activate("silu", o @ weights["weigh_W1"] + weights["weigh_b1"])
    scores = hidden @ weights["t"]
    scores = scores if placed is None else placed @ scores
    return np.tensordot(softmax(scores), anchors, 1), invariants


@pytest.mark.parametrize("count", [12, 60])
@BOTH
def test_the_oracle_is_the_formula_part_by_part(operation, count, judge):
    question = asked(anchors=count)
    inputs, weights = judge.draw(FAMILY, operation, question)
    (found,) = operation.oracle(question, inputs, weights).values()
    for i in range(3):
        for j in range(2):
            part = inputs["r"][i, j], inputs["h"][i, j]
            pose, invariants = one_part(*part, weights, count)
            wanted = pose if operation is POSES else invariants
            np.testing.assert_allclose(found[i, j], wanted, atol=1e-10)


@pytest.mark.parametrize("turned", ["weights", "points"])
@BOTH
def test_both_ways_to_turn_are_one_map(operation, turned, judge, distance):
    for framework in ("numpy", "torch", "jax"):
        pytest.importorskip(framework)
        implementation = REGISTRY.implementation(f"{operation.name}.{framework}_anchors")
        inputs, weights = judge.draw(FAMILY, operation, asked())
        options = {"turned": turned}
        (found,) = judge.value(implementation, asked(), inputs, weights, options).values()
        (wanted,) = operation.oracle(asked(), inputs, weights).values()
        assert distance(found, wanted) < 1e-11


def errors(turns, judge, count=60, scale=1.0):
    """Return angles between poses [degrees] and relative changes of invariants, by rotation.

    `scale` multiplies the weights of positions.
    """
    question = asked(points=16, channels=8, parts=1, batch=20, anchors=count)
    inputs, weights = judge.draw(FAMILY, POSES, question)
    weights["U"] = scale * weights["U"]
    plain, pooled = (o.oracle(question, inputs, weights) for o in (POSES, INVARIANTS))
    angles, changes = [], []
    for turn in turns:
        moved = {**inputs, "r": inputs["r"] @ turn.T}
        pose = nearest_rotation.oracle(POSES.oracle(question, moved, weights)["M"])
        off = (pose.swapaxes(2, 3) @ turn @ nearest_rotation.oracle(plain["M"])).reshape(-1, 3, 3)
        angles.append(np.degrees(Rotation.from_matrix(off).magnitude()))
        changed = INVARIANTS.oracle(question, moved, weights)["s"] - pooled["s"]
        changes.append(np.linalg.norm(changed) / np.linalg.norm(pooled["s"]))
    return np.array(angles), np.array(changes)


def test_it_is_exact_on_its_60_rotations(judge):
    angles, changes = errors(rotations(60), judge)
    assert angles.max() < 1e-4 and changes.max() < 1e-13


def test_twelve_anchors_are_exact_on_twelve_of_the_60(judge):
    inside = [bool(np.isclose(g, rotations(12)).all(axis=(1, 2)).any()) for g in rotations(60)]
    angles, _ = errors(rotations(60), judge, 12)
    assert sum(inside) == 12
    assert angles[inside].max() < 1e-4
    assert np.median(angles[np.logical_not(inside)]) > 10


def test_pooled_invariants_do_not_show_that_poses_are_far_off(judge):
    """Under rotations beside the group."""
    angles, changes = errors(random_rotations(np.random.default_rng(4), 10), judge)
    assert np.median(angles) > 15
    assert changes.max() < 0.03


def test_how_far_poses_are_off_depends_on_how_sharp_features_are(judge):
    """Smooth functions of a rotation are integrated by 60 of them, and not by 12."""
    turns = random_rotations(np.random.default_rng(6), 8)
    median = {
        (count, scale): np.median(errors(turns, judge, count, scale)[0])
        for count in (12, 60)
        for scale in (0.1, 4.0)
    }
    assert median[60, 0.1] < 3 < 30 < median[60, 4.0]
    assert median[12, 0.1] > 20


def test_weights_that_know_the_places_of_anchors_break_the_group(judge):
    """A map of all anchors in one row, in the place of attention, which knows none."""
    question = asked(parts=1, batch=1)
    inputs, weights = judge.draw(FAMILY, POSES, question)
    points, features = inputs["r"][0, 0], inputs["h"][0, 0]
    turn, mixed = rotations(60)[7], np.random.default_rng(5).standard_normal((60, 60))
    off = {}
    for placed in (None, mixed):
        pose = one_part(points, features, weights, 60, placed)[0]
        again = one_part(points @ turn.T, features, weights, 60, placed)[0]
        off[placed is None] = np.abs(again - turn @ pose).max()
    assert off[True] < 1e-13 and off[False] > 1e-3


def test_its_knob_names_two_groups_and_half_precision_is_refused():
    assert ANCHORS.values(asked()) == (12, 60) and ANCHORS.of(asked()) == 60
    for operation in (POSES, INVARIANTS):
        for implementation in REGISTRY.implementations_of(operation.name):
            refused = implementation.supports(ask(dtype="bfloat16"), Target())
            assert refused is not None and refused.remedy, implementation.full_name
