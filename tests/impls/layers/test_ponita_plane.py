"""PONITA in the plane: the formula by angles, turns of the grid and others, mirrors."""

from itertools import combinations_with_replacement

import numpy as np
import pytest

from impls.families.plane import FAMILY, ask
from impls.layers.ponita_plane.operation import FULL, ORIENTATIONS, SEPARABLE, orientations
from impls.pointwise.activations import activate
from impls.so3.rotations import axis_angle

OPERATIONS = (SEPARABLE, FULL)
NAMES = [operation.name for operation in OPERATIONS]


def asked(nodes=5, neighbours=3, channels=4, **knobs):
    return ask(nodes, neighbours, channels=channels, dtype="float64").at(**knobs)


def perceptron(name, a, w):
    hidden = activate("silu", w[f"{name}_W1"].T @ a + w[f"{name}_b1"])
    return w[f"{name}_W2"].T @ hidden + w[f"{name}_b2"]


def kernel(name, invariants, w):
    chosen = (t for n in (1, 2, 3) for t in combinations_with_replacement(invariants, n))
    made = activate("silu", perceptron(name, np.array([np.prod(t) for t in chosen]), w))
    return w[f"{name}_K"].T @ made


def envelope(x):
    return 1 - 28 * x**6 + 48 * x**7 - 21 * x**8 if x < 1 else 0.0


def by_angles(operation, question, inputs, w):
    """Return z with a vector and an orientation as angles: what they are to each other is one."""
    count = ORIENTATIONS.of(question)
    angles = 2 * np.pi * np.arange(count) / count
    x, f = inputs["x"], {}
    for i, each in enumerate(x):
        length, angle = np.hypot(each[:, 1], each[:, 2]), np.arctan2(each[:, 2], each[:, 1])
        for n, a in enumerate(angles):
            f[i, n] = w["A"].T @ each[:, 0] + w["B"].T @ (length * np.cos(angle - a))
    out = np.zeros(x.shape)
    for i in range(len(x)):
        near = [(i, 0.0, 0.0, 1.0)]
        for e in np.flatnonzero(inputs["dst"] == i):
            length, angle = np.hypot(*inputs["v"][e]), np.arctan2(*inputs["v"][e][::-1])
            near.append((inputs["src"][e], length, angle, envelope(length)))

        def seen(length, angle, a):
            return length * np.cos(angle - a), length * np.sin(angle - a)

        for n, a in enumerate(angles):
            z = 0.0
            for m, b in enumerate(angles):
                for j, length, angle, u in near:
                    if operation is FULL:
                        z += (
                            u
                            * kernel("kernel", (*seen(length, angle, a), np.cos(a - b)), w)
                            * f[j, m]
                        )
                    else:
                        y = u * kernel("spatial", seen(length, angle, b), w) * f[j, m]
                        z += kernel("circular", (np.cos(a - b),), w) * y
            z = z / count + w["b"]
            z = (z - z.mean()) / np.sqrt(z.var() + 1e-5) * w["norm_g"] + w["norm_b"]
            g = (f[i, n] + w["c"] * perceptron("mlp", z, w)) / count
            out[i, :, 0] += w["P"].T @ g
            out[i, :, 1:] += np.outer(w["Q"].T @ g, [np.cos(a), np.sin(a)])
        out[i, :, 0] += w["p"]
    return out


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
def test_the_oracle_is_the_formula_by_angles(operation, judge, distance):
    question = asked(orientations=8)
    inputs, weights = judge.draw(FAMILY, operation, question)
    wanted = by_angles(operation, question, inputs, weights)
    assert distance(operation.oracle(question, inputs, weights)["z"], wanted) < 1e-12


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
def test_at_all_knobs(operation, agrees):
    for count in (4, 16):
        agrees(operation, asked(6, 2, orientations=count))


def error(operation, question, turn, judge):
    """Return |f(g x) - g f(x)| / |f(x)|."""
    inputs, weights = judge.draw(FAMILY, operation, question)
    g = {"space": turn, "nodes": np.arange(5)}
    spaces, out = FAMILY.inputs(question), operation.outputs(question)["z"]
    moved = {n: spaces[n].act(g, a) for n, a in inputs.items()}
    wanted = out.act(g, operation.oracle(question, inputs, weights)["z"])
    found = operation.oracle(question, moved, weights)["z"]
    return np.linalg.norm(found - wanted) / np.linalg.norm(wanted)


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
def test_turns_of_the_grid_are_exact_and_others_come_near_faster_than_a_power(operation, judge):
    counts, axis, found = (4, 8, 16, 32), (0.0, 0.0, 1.0), []
    for count in counts:
        question = asked(orientations=count)
        step = axis_angle(axis, 2 * np.pi / count)
        assert error(operation, question, step, judge) < 1e-12
        halfway = axis_angle(axis, np.pi / count)
        found.append(error(operation, question, halfway, judge))
    rates = np.diff(np.log2(found))
    assert found[0] > 1e-4 and rates[-1] < -4, found


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
def test_mirror_images_are_told_apart(operation, judge):
    """One of the invariants has a sign, whatever the orientations."""
    mirror = np.diag([1.0, -1.0, 1.0])
    assert error(operation, asked(orientations=32), mirror, judge) > 1e-4


def test_numbers_that_quarter_turns_do_not_keep_are_refused():
    for count in (2, 6):
        with pytest.raises(ValueError, match=f"orientations={count}: .* multiple of 4"):
            orientations(count)
