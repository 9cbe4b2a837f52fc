"""Grid MLP: what it shares with the grid nonlinearity, and what its channels add."""

import numpy as np
import pytest

from impls.families.feature import FAMILY
from impls.families.feature import layer as problem
from impls.pointwise.grid_mlp.operation import HIDDEN, OPERATION
from impls.pointwise.grid_nonlinearity.operation import OPERATION as NONLINEARITY
from impls.so3.irreps import degrees, natural
from impls.so3.rotations import axis_angle
from impls.streams import Streams

SIZE = {"channels": 3, "batch": 8, "dtype": "float64"}
NAMES = ("torch_dense", "torch_separable", "jax_dense", "jax_separable")


def test_one_channel_to_itself_is_the_grid_nonlinearity(distance):
    """A = (1, 0) and B = (1, 0)."""
    asked = problem(natural(range(4)), **SIZE | {"channels": 1}).at(resolution=6)
    inputs = FAMILY.draw(asked, Streams(0))
    weights = {"a": np.array([[1.0], [0.0]]), "b": np.array([[1.0, 0.0]])}
    found = OPERATION.oracle(asked, inputs, weights)["z"]
    assert distance(found, NONLINEARITY.oracle(asked, inputs, {})["z"]) < 1e-14


@pytest.mark.parametrize("name", NAMES)
def test_scalars_see_an_ordinary_mlp(name, layer_of, distance):
    """Degree 0 alone is a constant function: z = sqrt(4 pi) B phi(A x / sqrt(4 pi))."""
    layer = layer_of("grid_mlp", name)
    asked = problem("0e", activation="tanh", **SIZE).at(resolution=1)
    inputs, weights = layer.draw(asked)
    root = np.sqrt(4 * np.pi)
    wanted = root * np.tanh(inputs["x"][..., 0] / root @ weights["a"].T) @ weights["b"].T
    found = layer.outputs(asked, inputs, weights)["z"]
    assert distance(found[..., 0], wanted) < 1e-13


@pytest.mark.parametrize(("coarse", "fine"), [(3, 5), (5, 10), (10, 16)])
def test_equivariance_improves_with_the_resolution(coarse, fine, layer_of):
    layer = layer_of("grid_mlp", "torch_separable")
    errors = [
        layer.symmetry_error(
            problem(natural(range(3)), **SIZE).at(resolution=rings), "rotation", n=2
        )
        for rings in (coarse, fine)
    ]
    assert errors[1] < errors[0] / 5


def test_symmetry_of_the_grid_is_exact(layer_of, distance):
    layer = layer_of("grid_mlp", "torch_dense")
    asked = problem(degrees(range(4)), **SIZE).at(resolution=5)
    (inputs, weights), act = layer.draw(asked), FAMILY.inputs(asked)["x"].act
    value = layer.outputs(asked, inputs, weights)["z"]
    for axis, angle in (([0, 1, 0], 3 * np.pi / 5), ([0, 0, 1], np.pi)):
        g = axis_angle(axis, angle)
        found = layer.outputs(asked, {"x": act(g, inputs["x"])}, weights)["z"]
        assert distance(found, act(g, value)) < 1e-13


def test_weights_are_shared_by_all_points():
    asked = problem(natural(range(3)), **SIZE).at(resolution=16)
    shapes = {name: space.shape for name, space in OPERATION.weights(asked).items()}
    assert shapes == {"a": (3 * HIDDEN, 3), "b": (3, 3 * HIDDEN)}
    assert OPERATION.inexact == "rotation by resolution"


def test_refusals_are_those_of_one_function_for_each_channel():
    refusal = OPERATION.supports(problem("0e+1o+1o", **SIZE).at(resolution=4))
    assert "is not one function on the sphere: a degree is repeated" in str(refusal)
