"""Averages over frames of parts: each part alone, other partitions, the bound on the error."""

import numpy as np
import pytest
from scipy.linalg import eigh

from impls.families import cloud
from impls.families.piecewise import FAMILY, ask, partition
from impls.implementation import Target
from impls.layers.averaging.operation import ALL as OF_A_CLOUD
from impls.layers.averaging.operation import RIGHT_HANDED as OF_A_CLOUD_PROPER
from impls.layers.piecewise.operation import ALL, RIGHT_HANDED
from impls.registry import load

REGISTRY = load()
OPERATIONS = (ALL, RIGHT_HANDED)
PARTS, POINTS, BATCH = 3, 12, 16


def question(data="true", **options):
    return ask(PARTS, POINTS, channels=2, batch=BATCH, data=data, dtype="float64", **options)


def elements(subgroup, count=4, seed=1):
    group = FAMILY.group(question()).subgroups[subgroup]
    return group.sample(np.random.default_rng(seed), count)


def together(g):
    """Return the element that moves all parts as the last one of g."""
    return {**g, "parts": np.stack([g["parts"][-1]] * PARTS)}


def apart(operation, inputs, weights, g):
    """Return |f(g x) - g f(x)| and |f(x)| of each cloud, the centre of which is not its size."""
    asked = question()
    spaces, outputs = FAMILY.inputs(asked), operation.outputs(asked)
    moved = {name: spaces[name].act(g, a) for name, a in inputs.items() if name != "w"}
    there = operation.oracle(asked, {**moved, "w": inputs["w"]}, weights)
    here = operation.oracle(asked, inputs, weights)

    def norms(arrays):
        return np.sqrt(sum((a**2).sum(axis=(1, 2)) for a in arrays))

    return norms(there[n] - outputs[n].act(g, here[n]) for n in here), norms(here.values())


def error(operation, inputs, weights, subgroup="rotation", change=lambda g: g):
    """Return the largest error relative to all clouds together."""
    found = []
    for g in elements(subgroup):
        off, size = apart(operation, inputs, weights, change(g))
        found.append(np.linalg.norm(off) / np.linalg.norm(size))
    return max(found)


@pytest.mark.parametrize(
    ("operation", "alone"), [(ALL, OF_A_CLOUD), (RIGHT_HANDED, OF_A_CLOUD_PROPER)]
)
@pytest.mark.parametrize("data", ["true", "finer", "coarser", "wrong:1"])
def test_of_a_partition_it_is_frame_averaging_of_each_group_alone(data, operation, alone, judge):
    inputs, weights = judge.draw(FAMILY, operation, question(data))
    found = operation.oracle(question(data), inputs, weights)
    label = inputs["w"][0].argmax(axis=1)
    if data == "wrong:1":
        assert (np.sort(label) == np.repeat(np.arange(PARTS), POINTS)).all()
    for group in range(inputs["w"].shape[2]):
        mine = np.flatnonzero(label == group)
        asked = cloud.ask(len(mine), "deepsets", channels=2, batch=BATCH, dtype="float64")
        part = {name: inputs[name][:, mine] for name in ("r", "h")}
        for name, a in alone.oracle(asked, part, weights).items():
            np.testing.assert_allclose(found[name][:, mine], a, atol=1e-12)


def test_of_shares_it_is_the_formula_point_by_point(judge):
    asked = question("soft:0.1")
    inputs, weights = judge.draw(FAMILY, ALL, asked)
    found = ALL.oracle(asked, inputs, weights)

    def silu(a):
        return a * (1 + np.tanh(a / 2)) / 2

    r, h, w = (inputs[name][0] for name in ("r", "h", "w"))
    y, s = np.zeros(r.shape), np.zeros(h.shape)
    for j in range(PARTS):
        centre = sum(w[i, j] * r[i] for i in range(len(r))) / w[:, j].sum()
        covariance = sum(w[i, j] * np.outer(r[i] - centre, r[i] - centre) for i in range(len(r)))
        v = eigh(covariance)[1]
        for sign in np.ndindex(2, 2, 2):
            q = v @ np.diag(1 - 2 * np.array(sign))
            seen = [np.r_[q.T @ (w[i, j] * (r[i] - centre)), h[i]] for i in range(len(r))]
            z = [silu(weights["A"] @ a + weights["a"]) for a in seen]
            pooled = sum(w[i, j] * z[i] for i in range(len(r))) / w[:, j].sum()
            for i in range(len(r)):
                said = weights["B"] @ z[i] + weights["D"] @ pooled
                y[i] += w[i, j] * (centre + q @ said[:3]) / 8
                s[i] += w[i, j] * said[3:] / 8
    np.testing.assert_allclose(found["y"][0], y, atol=1e-12)
    np.testing.assert_allclose(found["s"][0], s, atol=1e-12)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
@pytest.mark.parametrize("data", ["finer", "coarser", "wrong:1", "soft:0.1"])
def test_of_every_partition_code_and_oracle_agree(data, operation, agrees):
    agrees(operation, question(data))


def test_of_any_refinement_it_keeps_the_motions_of_parts(judge):
    inputs, weights = judge.draw(FAMILY, ALL, question())
    rng = np.random.default_rng(5)
    for cuts in ((6,), (4, 8), (5,)):
        label = np.concatenate([
            part * (len(cuts) + 1) + np.searchsorted(cuts, rng.permutation(POINTS), side="right")
            for part in range(PARTS)
        ])  # fmt: skip
        w = np.repeat(np.eye(PARTS * (len(cuts) + 1))[label][None], BATCH, axis=0)
        for subgroup in ("rotation", "inversion", "translation"):
            assert error(ALL, {**inputs, "w": w}, weights, subgroup) < 1e-11


@pytest.mark.parametrize("data", ["coarser", "wrong:1", "soft:0.1"])
def test_of_a_partition_that_is_no_refinement_it_keeps_common_motions_alone(data, judge):
    inputs, weights = judge.draw(FAMILY, ALL, question())
    inputs = {**inputs, "w": partition(question(data))}
    for subgroup in ("rotation", "translation"):
        assert error(ALL, inputs, weights, subgroup) > 1e-2
        assert error(ALL, inputs, weights, subgroup, together) < 1e-11


def test_of_single_points_it_moves_none(judge):
    """The finest partition keeps every motion, and says nothing of shapes."""
    inputs, weights = judge.draw(FAMILY, ALL, question())
    inputs["w"] = np.repeat(np.eye(PARTS * POINTS)[None], BATCH, axis=0)
    found = ALL.oracle(question(), inputs, weights)
    np.testing.assert_allclose(found["y"], inputs["r"], atol=1e-13)
    other = ALL.oracle(question(), {**inputs, "r": 2 * inputs["r"][:, ::-1]}, weights)
    np.testing.assert_allclose(found["s"], other["s"], atol=1e-13)


def test_the_mean_error_is_bounded_by_the_chance_of_a_wrong_partition(judge):
    """E |f(g x) - g f(x)| <= lambda M, where a partition is hard: delta is zero."""
    inputs, weights = judge.draw(FAMILY, ALL, question())
    g = elements("rotation", 3)[2]
    worst = apart(ALL, {**inputs, "w": partition(question("wrong:1"))}, weights, g)[0].max()
    means = []
    for share in (0.0625, 0.25, 1):
        w = partition(question(f"wrong:{share}"))
        wrong = (w != inputs["w"]).any(axis=(1, 2))
        off = apart(ALL, {**inputs, "w": w}, weights, g)[0]
        assert off[~wrong].max(initial=0.0) < 1e-11 < 1e-2 < off[wrong].min()
        assert off.mean() <= share * worst
        means.append(off.mean())
    assert means[0] < means[1] < means[2]


def test_uncertain_shares_break_the_symmetry_in_proportion(judge):
    inputs, weights = judge.draw(FAMILY, ALL, question())
    found = [
        error(ALL, {**inputs, "w": partition(question(f"soft:{s}"))}, weights)
        for s in (0.001, 0.01)
    ]
    assert np.log10(found[1] / found[0]) == pytest.approx(1, abs=0.2)


def test_four_frames_tell_the_mirror_image_of_one_part_and_eight_do_not(judge):
    inputs, weights = judge.draw(FAMILY, ALL, question())
    mirrored = {**inputs, "r": inputs["r"].copy()}
    mirrored["r"][:, :POINTS] *= [1.0, 1.0, -1.0]

    def seen(operation):
        one, other = (operation.oracle(question(), a, weights)["s"] for a in (inputs, mirrored))
        return np.abs(one - other).max(axis=(0, 2)) / np.abs(one).max()

    assert seen(ALL).max() < 1e-12
    changed = seen(RIGHT_HANDED)
    assert changed[:POINTS].max() > 1e-3 and changed[POINTS:].max() < 1e-12


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_half_precision_has_no_frame(operation):
    for implementation in REGISTRY.implementations_of(operation.name):
        refused = implementation.supports(ask(dtype="bfloat16"), Target())
        assert refused is not None and refused.remedy, implementation.full_name
