"""S-GCN: node by node with angles, by e3nn, mirror images, neighbours nearly in a line."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import sph_harm_y

from impls.families.points import FAMILY, ask, problem
from impls.implementation import Target
from impls.inputs.named import graph_of
from impls.layers.sgcn.operation import OPERATION, frames
from impls.registry import load

REGISTRY = load()
NUMPY = REGISTRY.implementation("sgcn_layer.numpy_local")


def asked(data="lattice:16x6", lmax=2, channels=3, symmetry="o3", **changes):
    odd = "eo" if symmetry == "o3" else ("", "")
    degrees = "+".join(f"{l}{odd[l % 2]}" for l in range(lmax + 1))  # noqa: E741
    scalar = f"0{odd[0]}"
    irreps = {"irreps_node": scalar, "irreps_edge": degrees, "irreps_out": scalar, **changes}
    return ask(**irreps, data=data, channels=channels, dtype="float64")


def real_harmonics(lmax, n):
    """Return the real harmonics [dim] of a direction by its angles from the axis y, 4 pi |Y|^2."""
    polar, azimuth = np.arccos(np.clip(n[1], -1, 1)), np.arctan2(n[0], n[2])
    found = []
    for l in range(lmax + 1):  # noqa: E741
        for m in range(-l, l + 1):
            value = (-1) ** m * sph_harm_y(l, abs(m), polar, azimuth)
            part = value.real if m >= 0 else value.imag
            found.append(np.sqrt(4 * np.pi) * part * (2**0.5 if m else 1))
    return np.array(found)


def node_by_node(problem, inputs, weights, lmax):
    """Return z from the list of neighbours of each node, one harmonic after another."""
    h, found = inputs["x"][..., 0], []
    for i in range(len(h)):
        near = np.flatnonzero(inputs["dst"] == i)
        u, t = (sum(inputs["a"][e, n] * inputs["v"][e] for e in near) for n in (0, 1))
        e1 = u / np.linalg.norm(u)
        e2 = t - (t @ e1) * e1
        e2 /= np.linalg.norm(e2)
        q = np.array([e1, e2, np.cross(e1, e2)])
        total = weights["b"] + h[i] @ weights["W0"]
        for e in near:
            n = q @ inputs["v"][e] / np.linalg.norm(inputs["v"][e])
            for y, w in zip(real_harmonics(lmax, n), weights["W"], strict=True):
                total = total + y * h[inputs["src"][e]] @ w
        found.append(total / (1 + np.exp(-total)))
    return np.array(found)


@pytest.mark.parametrize("data", ["lattice:16x6", "edges:CH4@2", "edges:diamond@1.6"])
@pytest.mark.parametrize("lmax", [1, 4])
def test_the_oracle_is_the_formula_node_by_node_with_angles(lmax, data, judge):
    inputs, weights = judge.draw(FAMILY, OPERATION, asked(data, lmax))
    wanted = node_by_node(asked(data, lmax), inputs, weights, lmax)
    found = OPERATION.oracle(asked(data, lmax), inputs, weights)["z"][..., 0]
    np.testing.assert_allclose(found, wanted, atol=1e-11)


@pytest.mark.parametrize("matrices", ["receivers", "senders"])
@pytest.mark.parametrize("symmetry", ["o3", "so3"])
@pytest.mark.parametrize("data", ["lattice:16x6", "edges:CH4@2", "isotropic:9x4"])
def test_matrices_are_the_same_at_receivers_and_at_senders(data, symmetry, matrices, agrees):
    agrees(OPERATION, asked(data, symmetry=symmetry), options={"matrices": matrices})


def test_degrees_in_any_order_are_those_that_are_asked_for(agrees):
    agrees(OPERATION, asked(irreps_edge="3o+0e+1o"))


def test_the_frame_of_a_backbone_is_that_of_its_atoms():
    """C_alpha sees C along e1, and N in the plane of e1 and e2, on the side of e2."""
    carbon, nitrogen = np.array([[1.52, 0.0, 0.0]]), np.array([[-0.53, 1.36, 0.0]])
    np.testing.assert_allclose(frames(carbon, nitrogen), [np.eye(3)], atol=1e-15)
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    np.testing.assert_allclose(frames(carbon @ turn.T, nitrogen @ turn.T), [turn.T], atol=1e-14)


def moved(turn, judge, **changes):
    """Return how much the answer changes when all vectors are moved, relative to its size."""
    inputs, weights = judge.draw(FAMILY, OPERATION, asked())
    inputs |= changes
    there = {**inputs, "v": inputs["v"] @ np.asarray(turn).T}
    one, other = (judge.value(NUMPY, asked(), a, weights)["z"] for a in (inputs, there))
    return np.linalg.norm(one - other) / np.linalg.norm(one)


def test_rotations_change_nothing_and_mirrors_do(judge):
    turns = FAMILY.group(asked()).subgroups["rotation"].sample(np.random.default_rng(0), 4)
    assert max(moved(g["space"][:3, :3], judge) for g in turns) < 1e-13
    assert moved(-np.eye(3), judge) > 0.1 and moved(np.diag([1, 1, -1]), judge) > 0.1


def test_next_to_a_line_rounding_grows_as_the_inverse_of_the_angle(judge):
    """Where t is u but for an angle, e2 is known as well as the angle is."""
    inputs, _ = judge.draw(FAMILY, OPERATION, asked())
    turn = FAMILY.group(asked()).subgroups["rotation"].sample(np.random.default_rng(0), 1)[0]
    found = []
    for angle in (1e-3, 1e-6, 1e-9):
        a = inputs["a"].copy()
        a[:, 1] = a[:, 0] + angle * a[:, 1]
        found.append(moved(turn["space"][:3, :3], judge, a=a))
    assert found[0] < 1e-11 and 1e-9 < found[2] < 1e-4
    for wide, narrow in pairwise(found):
        assert 30 < narrow / wide < 3e4


def test_parameters_are_those_of_the_paper():
    """(order^2 + 1) matrices, and one bias for each channel."""
    spaces = OPERATION.weights(asked(lmax=4, channels=8))
    numbers = {name: int(np.prod(space.shape)) for name, space in spaces.items()}
    assert numbers["W0"] + numbers["W"] == (5**2 + 1) * 8 * 8 and numbers["b"] == 8


def test_directions_count_though_distances_do_not(judge):
    """One edge bent: with harmonics above degree 0 its receiver says something else."""
    inputs, weights = judge.draw(FAMILY, OPERATION, asked())
    before = OPERATION.oracle(asked(), inputs, weights)["z"]
    longer = OPERATION.oracle(asked(), {**inputs, "v": 2 * inputs["v"]}, weights)["z"]
    np.testing.assert_allclose(longer, before, atol=1e-12)
    bent = inputs["v"].copy()
    bent[0] = bent[0][[1, 2, 0]]
    after = OPERATION.oracle(asked(), {**inputs, "v": bent}, weights)["z"]
    changed = np.abs(after - before).max(axis=(1, 2))
    receiver = inputs["dst"][0]
    assert changed[receiver] > 1e-3 and np.delete(changed, receiver).max() < 1e-13


def test_what_it_does_not_answer_is_refused_by_name():
    assert OPERATION.supports(asked()) is None
    assert "makes invariants" in str(OPERATION.supports(problem("truncated", 1)))
    assert "above degree 0" in str(OPERATION.supports(asked(irreps_edge="0e")))
    assert "frames of nodes" in str(OPERATION.supports(asked(given="harmonics")))
    assert "2 channels" in str(OPERATION.supports(asked(channels=1)))
    for data in ("axis:9x4", "poles:22x16", "lattice:9x1", "edges:CO2@2"):
        assert "leave it no frame" in str(OPERATION.supports(asked(data)))
    assert not np.isin(np.arange(5), graph_of(asked("loose:5x3")).dst).all()
    assert "node" in str(OPERATION.supports(asked("loose:5x3")))
    assert "bfloat16" in str(NUMPY.supports(replace(asked(), dtype="bfloat16"), Target()))
