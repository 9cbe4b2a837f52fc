"""Convolution on a group of linear maps: its formula, and what samples of it are good for."""

import numpy as np
import pytest

from analysis.equivariance import errors
from impls.families.affine import FAMILY, RADIUS, ask
from impls.groups.linear import haar, polar
from impls.registry import load
from impls.streams import Streams

OPERATION = load().operation("affine_convolution")


def drawn(asked, samples=64):
    """Return the operation as a function of inputs, with weights, and inputs."""
    rng = np.random.default_rng(2)
    weights = {key: space.sample(rng) for key, space in OPERATION.weights(asked).items()}

    def convolve(inputs):
        return OPERATION.oracle(asked.at(samples=samples), inputs, weights)

    return convolve, dict(FAMILY.draw(asked, Streams(1))), weights


def broken(asked, subgroup, samples, stretch=None):
    """Return the mean error under a subgroup, or its maps of this stretch."""
    convolve, inputs, _ = drawn(asked, samples)
    group = FAMILY.group(asked)
    elements = group.subgroups[subgroup].sample(np.random.default_rng(0), 8)
    if stretch:
        maps = haar(np.random.default_rng(0), (8,), stretch, 0.0)
        elements = [{**group.identity, "moved": a} for a in maps]
    spaces, outputs = FAMILY.inputs(asked), OPERATION.outputs(asked)
    return errors(convolve, spaces, outputs, inputs, elements).summary()["mean"]


def question(**options):
    return ask(2, **{"elements": 2, "channels": 2, "batch": 4, "dtype": "float64"} | options)


def test_one_point_and_one_sample_say_the_formula():
    """Of one point nothing is seen but itself, at v = 0."""
    asked = ask(1, group="gl2", elements=1, channels=1, batch=1, dtype="float64")
    convolve, inputs, w = drawn(asked, samples=1)
    inputs["h"][0, 0] = inputs["g"][0, 0] @ [[1.2, 0.1], [-0.2, 0.9]]
    p, r = polar(np.array([[1.2, 0.1], [-0.2, 0.9]]))
    values, vectors = np.linalg.eigh(p)
    log = vectors @ np.diag(np.log(values)) @ vectors.T
    angle = np.arctan2(r[1, 0], r[0, 0])
    xi = np.array([log[0, 0] - log[1, 1], 2 * log[0, 1], 2 * angle, np.trace(log)]) / np.sqrt(2)

    def kernel(name, u):
        hidden = np.sin(10 * (u @ w[f"{name}_W1"] + w[f"{name}_b1"]))
        return np.sin(10 * (hidden @ w[f"{name}_W2"] + w[f"{name}_b2"])) @ w[f"{name}_W3"][:, 0, 0]

    lifted = inputs["x"][0, 0, 0] * kernel("k", np.zeros(2))
    lifted /= 1 + np.exp(-lifted)
    within = (1 - xi @ xi / RADIUS**2) ** 2
    expected = within * lifted * kernel("K", np.concatenate([np.zeros(2), xi / np.pi]))
    np.testing.assert_allclose(convolve(inputs)["y"].item(), expected, rtol=1e-12)


@pytest.mark.parametrize("group", ["sl2", "gl2"])
def test_what_moves_with_its_samples_stays_as_it_is(group):
    assert broken(question(group=group), "linear_with_samples", 16) < 1e-12


def test_the_error_falls_with_the_square_root_of_the_samples():
    few, many = (broken(question(batch=8), "linear", n) for n in (64, 1024))
    assert 2.5 < few / many < 6.4  # 4, of means over samples


def test_of_samples_that_are_not_from_the_haar_measure_more_do_not_help():
    asked = question(batch=8, data="lognormal")
    few, many = (broken(asked, "linear_lognormal", n, stretch=0.8) for n in (64, 1024))
    assert many > 0.2 and few / many < 1.6


def test_elements_that_move_by_another_representation_are_noticed():
    """By the inverse transpose, which is the same for rotations alone."""
    asked = question()
    convolve, inputs, _ = drawn(asked, 16)

    def wrong(found):
        right = np.linalg.inv(found["g"])
        return convolve({**found, "g": np.swapaxes(right, -1, -2)})

    elements = (
        FAMILY.group(asked).subgroups["linear_with_samples"].sample(np.random.default_rng(0), 4)
    )
    spaces, outputs = FAMILY.inputs(asked), OPERATION.outputs(asked)
    assert errors(wrong, spaces, outputs, inputs, elements).summary()["mean"] > 0.01
