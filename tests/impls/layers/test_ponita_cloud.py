"""PONITA on a cloud: the formula pair by pair, and points that are not a set."""

from itertools import combinations_with_replacement

import numpy as np
import pytest

from impls.families.cloud import FAMILY, ask
from impls.layers.ponita_cloud.operation import OPERATION
from impls.pointwise.activations import activate


def asked(points=5, batch=2, **options):
    return ask(points, channels=4, batch=batch, dtype="float64", **options)


def perceptron(name, a, w):
    hidden = activate("silu", w[f"{name}_W1"].T @ a + w[f"{name}_b1"])
    return w[f"{name}_W2"].T @ hidden + w[f"{name}_b2"]


def of_one_cloud(r, h, w):
    """Return y and s of one cloud, by angles and cross products."""
    count, f = len(r), h @ w["A"]
    toward = {
        (i, j): (r[j] - r[i]) / np.linalg.norm(r[j] - r[i])
        for i in range(count)
        for j in range(count)
        if i != j
    }
    g = {}
    for (i, j), p in toward.items():
        z = np.zeros(h.shape[1])
        for (k, _), o in toward.items():
            v = r[k] - r[i]
            pair = v @ p, np.linalg.norm(np.cross(v, p)), o @ p
            made = [np.prod(t) for n in (1, 2, 3) for t in combinations_with_replacement(pair, n)]
            value = w["kernel_K"].T @ activate("silu", perceptron("kernel", np.array(made), w))
            z += value * f[k] / (count - 1)
        z = z + w["b"]
        z = (z - z.mean()) / np.sqrt(z.var() + 1e-5) * w["norm_g"] + w["norm_b"]
        g[i, j] = f[i] + w["c"] * perceptron("mlp", z, w)
    y, s = r.copy(), np.zeros(h.shape)
    for (i, j), value in g.items():
        y[i] += (w["Q"] @ value) * toward[i, j] / (count - 1)
        s[i] += w["P"].T @ value / (count - 1)
    return y, s + w["p"]


@pytest.mark.parametrize("points", [4, 6])
def test_the_oracle_is_the_formula_pair_by_pair(points, judge):
    question = asked(points)
    inputs, weights = judge.draw(FAMILY, OPERATION, question)
    found = OPERATION.oracle(question, inputs, weights)
    for n, (r, h) in enumerate(zip(inputs["r"], inputs["h"], strict=True)):
        y, s = of_one_cloud(r, h, weights)
        np.testing.assert_allclose(found["y"][n], y, atol=1e-12)
        np.testing.assert_allclose(found["s"][n], s, atol=1e-12)


def test_gradients_are_numbers_where_a_point_is_straight_ahead(agrees):
    """Each point lies along its own direction: the distance from that line is zero for all r."""
    agrees(OPERATION, asked(4))


def test_where_frames_fail_it_does_not(judge):
    """Two axes as good as each other, or a cloud that inversion keeps, mean nothing to it."""
    for data in ("gap:0", "even"):
        question = asked(8, data=data)
        inputs, weights = judge.draw(FAMILY, OPERATION, question)
        out = OPERATION.oracle(question, inputs, weights)
        moved = {**inputs, "r": inputs["r"] + 1e-7 * np.ones(3) * np.arange(8)[:, None]}
        near = OPERATION.oracle(question, moved, weights)
        assert all(np.abs(near[n] - out[n]).max() < 1e-4 for n in out)


def test_points_that_are_numbered_are_another_question():
    assert OPERATION.supports(asked()) is None
    assert "ask with backbone=deepsets" in str(OPERATION.supports(asked(backbone="mlp")))


def test_cost_grows_with_the_fourth_power_of_points():
    flops = [OPERATION.cost(asked(n))["flops"] for n in (64, 128)]
    assert flops[1] / flops[0] == pytest.approx(16, rel=0.05)


def test_in_the_plane_it_is_the_same_formula(judge, agrees):
    """Points of a plane in space are told nothing by the third coordinate, which is zero."""
    flat = asked(dimension=2)
    inputs, weights = judge.draw(FAMILY, OPERATION, flat)
    raised = {**inputs, "r": np.pad(inputs["r"], ((0, 0), (0, 0), (0, 1)))}
    found = OPERATION.oracle(flat, inputs, weights)
    in_space = OPERATION.oracle(asked(), raised, weights)
    np.testing.assert_allclose(in_space["s"], found["s"], atol=1e-13)
    np.testing.assert_allclose(in_space["y"][..., :2], found["y"], atol=1e-13)
    agrees(OPERATION, flat)
