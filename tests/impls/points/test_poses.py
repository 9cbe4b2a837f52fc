"""Poses of matched points: SciPy's, one clean match, and how many hypotheses are right."""

from math import comb

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from impls.backends import load as load_backend
from impls.families.matches import FAMILY, ask
from impls.implementation import FRAMEWORKS, Target
from impls.points import nearest_rotation
from impls.points.nearest_rotation import NearestRotation
from impls.points.poses.operation import FROM_ALL, FROM_MATCH, FROM_TRIPLES, triples
from impls.registry import load
from impls.so3.rotations import random_rotations

REGISTRY = load()
OPERATIONS = (FROM_MATCH, FROM_TRIPLES, FROM_ALL)


def asked(data="outliers:0.5", matches=6, channels=3, batch=5):
    return ask(matches, channels=channels, batch=batch, data=data, dtype="float64")


def clean(question, judge, operation=FROM_MATCH):
    """Return inputs without errors and the poses between them; no match is wrong."""
    inputs, _ = judge.draw(FAMILY, operation, question)
    rng = np.random.default_rng(7)
    batch = question.sizes["batch"]
    turn, shift = random_rotations(rng, batch), rng.standard_normal((batch, 3))
    moved = {"q": inputs["p"] @ turn.swapaxes(1, 2) + shift[:, None]}
    if "f" in inputs:
        moved["g"] = inputs["f"] @ turn[:, None].swapaxes(2, 3)
    return {**inputs, **moved}, np.concatenate([turn, shift[..., None]], axis=2)


def aligned(q, p, w=None):
    return Rotation.align_vectors(q, p, weights=w)[0].as_matrix()


def poses_by_scipy(operation, inputs, b):
    p, q = inputs["p"][b], inputs["q"][b]
    if operation is FROM_MATCH:
        turns = [aligned(*pair) for pair in zip(inputs["g"][b], inputs["f"][b], strict=True)]
        centres = list(zip(p, q, strict=True))
    elif operation is FROM_TRIPLES:
        sets = [(p[h], q[h]) for h in triples(len(p))]
        centres = [(one.mean(0), other.mean(0)) for one, other in sets]
        turns = [
            aligned(other - q0, one - p0)
            for (one, other), (p0, q0) in zip(sets, centres, strict=True)
        ]
    else:
        w = inputs["w"][b]
        centres = [tuple(np.average(a, axis=0, weights=w) for a in (p, q))]
        turns = [aligned(q - centres[0][1], p - centres[0][0], w)]
    return np.array([np.c_[r, q0 - r @ p0] for r, (p0, q0) in zip(turns, centres, strict=True)])


@pytest.mark.parametrize("data", FAMILY.data)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_poses_are_those_of_scipy(operation, data, judge):
    inputs, _ = judge.draw(FAMILY, operation, asked(data))
    found = operation.oracle(asked(data), inputs, {})["T"]
    for b in range(len(found)):
        np.testing.assert_allclose(found[b], poses_by_scipy(operation, inputs, b), atol=1e-9)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_without_errors_every_pose_is_the_one_between_the_clouds(operation, judge):
    """One match is enough where vectors describe it, and two vectors are enough for that."""
    question = asked(channels=2)
    inputs, true = clean(question, judge, operation)
    numpy = REGISTRY.implementation(f"{operation.name}.numpy_quaternion")
    for found in (
        operation.oracle(question, inputs, {})["T"],
        judge.value(numpy, question, inputs, {})["T"],
    ):
        np.testing.assert_allclose(found, np.broadcast_to(true[:, None], found.shape), atol=1e-11)


def angles(r, true):
    return np.degrees(Rotation.from_matrix((r @ true.swapaxes(-1, -2)).reshape(-1, 3, 3))
                      .magnitude()).reshape(r.shape[:2])  # fmt: skip


def test_half_of_the_matches_are_an_eighth_of_the_triples(judge):
    """(n/2 choose 3) / (n choose 3) of them, which is 1/8 for many."""
    question = asked(matches=12, channels=8, batch=20)
    inputs, true = clean(question, judge)
    wrong = np.arange(12) % 2 == 1
    rng = np.random.default_rng(5)
    for name in ("q", "g"):
        inputs[name][:, wrong] = rng.standard_normal(inputs[name][:, wrong].shape)
    right = {}
    for operation in OPERATIONS:
        given = {**inputs, "w": np.ones((20, 12))}
        found = operation.oracle(question, given, {})["T"][..., :3]
        right[operation.name] = (angles(found, true[:, None, :, :3]) < 1e-4).mean()
    assert right["pose_from_match"] == 0.5
    assert right["pose_from_triples"] == comb(6, 3) / comb(12, 3)
    assert right["pose_from_all"] == 0.0


def test_a_hypothesis_of_each_match_or_of_each_three():
    for n in (3, 8, 21):
        question = asked(matches=n)
        counts = [operation.outputs(question)["T"].shape[1] for operation in OPERATIONS]
        assert counts == [n, comb(n, 3), 1]


def test_triples_move_to_where_their_matches_went():
    question = asked(matches=5, batch=1)
    space, every = FROM_TRIPLES.outputs(question)["T"], triples(5).tolist()
    group = FAMILY.group(question).subgroups["permutation"]
    marks = np.arange(10.0)[None, :, None, None] * np.ones((1, 10, 3, 4))
    for g in group.sample(np.random.default_rng(6), 5):
        moved = space.act(g, marks)[0, :, 0, 0]
        for place, triple in enumerate(every):
            sent = sorted(int(g["matches"][i]) for i in triple)
            assert moved[every.index(sent)] == place


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_nearest_rotation_of_any_matrix(framework, precision):
    """Also of a negative determinant, of rank two, and of a rotation, which is its own."""
    pytest.importorskip(framework)
    rng = np.random.default_rng(8)
    m = rng.standard_normal((30, 3, 3))
    m[:5] = random_rotations(rng, 5)
    m[5:9] = m[5:9, :, :2] @ rng.standard_normal((4, 2, 3))
    assert (np.linalg.det(m[9:]) < 0).any()
    with precision(framework, "float64"):
        b = load_backend(framework, asked(), Target())
        found = np.asarray(NearestRotation(b)(b.table(m)))
    np.testing.assert_allclose(found, nearest_rotation.oracle(m), atol=1e-12)
    np.testing.assert_allclose(found[:5], m[:5], atol=1e-13)
    for other in random_rotations(rng, 200):
        assert (np.trace(found.swapaxes(1, 2) @ m, axis1=1, axis2=2)
                >= np.trace(other.T @ m, axis1=1, axis2=2) - 1e-12).all()  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_half_precision_has_no_rotation(operation):
    for implementation in REGISTRY.implementations_of(operation.name):
        refused = implementation.supports(ask(dtype="bfloat16"), Target())
        assert refused is not None and refused.remedy, implementation.full_name
