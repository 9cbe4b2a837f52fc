"""Frames of parts: principal axes by another solver, and a part without third moments."""

import numpy as np
import pytest
from scipy.linalg import eigh

from impls.families.parts import FAMILY, ask
from impls.implementation import Target
from impls.layers.part_frames.operation import OPERATION
from impls.registry import load

REGISTRY = load()
ASKED = ask(2, 8, channels=1, batch=5, dtype="float64")


def test_frames_are_principal_axes_with_positive_third_moments(judge):
    inputs, _ = judge.draw(FAMILY, OPERATION, ASKED)
    found = OPERATION.oracle(ASKED, inputs, {})["R"]
    np.testing.assert_allclose(np.linalg.det(found), 1.0)
    for r, frame in zip(inputs["r"].reshape(-1, 8, 3), found.reshape(-1, 3, 3), strict=True):
        p = r - r.mean(axis=0)
        axes = eigh(p.T @ p)[1]
        np.testing.assert_allclose(np.abs(axes.T @ frame), np.eye(3), atol=1e-12)
        assert (((p @ frame[:, :2]) ** 3).sum(axis=0) > 0).all()


def test_features_are_not_read():
    assert OPERATION.reads == ("r",)


def test_a_part_that_inversion_keeps_has_no_signs(judge):
    """Third moments are rounding there, and so is what they choose."""
    numpy = REGISTRY.implementation("part_frames.numpy_axes")
    elements = FAMILY.group(ASKED).subgroups["rotation"].sample(np.random.default_rng(0), 4)

    def error(inputs):
        return max(judge.symmetry(FAMILY, OPERATION, numpy, ASKED, inputs, {}, elements))

    inputs, _ = judge.draw(FAMILY, OPERATION, ASKED)
    half = inputs["r"][:, :, :4] - inputs["r"].mean(axis=2, keepdims=True)
    even = {**inputs, "r": np.concatenate([half, -half], axis=2)}
    assert error(inputs) < 1e-12 < 1e-2 < error(even)


@pytest.mark.parametrize("framework", ["numpy", "torch", "jax"])
def test_half_precision_has_no_frame(framework):
    implementation = REGISTRY.implementation(f"part_frames.{framework}_axes")
    refused = implementation.supports(ask(dtype="bfloat16"), Target())
    assert refused is not None and refused.remedy
