"""Grid nonlinearity: equivariance is a curve over the resolution; what the grid has is exact."""

import numpy as np
import pytest

from impls.families.feature import FAMILY
from impls.families.feature import layer as problem
from impls.pointwise.grid_nonlinearity.dense import grid_of
from impls.pointwise.grid_nonlinearity.operation import OPERATION
from impls.so3.irreps import degrees, natural
from impls.so3.rotations import axis_angle
from impls.streams import Streams

SIZE = {"channels": 1, "batch": 64, "dtype": "float64"}


@pytest.mark.parametrize(
    ("lmax", "rings", "error"),
    [
        (2, 3, 2.0e-1),
        (4, 5, 2.4e-1),
        (6, 7, 2.7e-1),
        (1, 3, 3.2e-4),
        (2, 5, 2.8e-3),
        (4, 9, 8.2e-3),
        (6, 13, 1.4e-2),
        (1, 6, 1.9e-8),
        (2, 10, 2.6e-6),
        (4, 18, 5.4e-5),
        (6, 26, 1.9e-4),
        (1, 16, 1e-15),
        (2, 16, 2.7e-9),
        (4, 16, 1.5e-4),
        (6, 16, 4.7e-3),
    ],
)
def test_error_of_silu_by_resolution(lmax, rings, error, layer_of):
    """Known values for random signals of unit variance on R x 2R grids, within a factor of 4.

    The error grows so fast with the size of a signal that the largest of a sample decides: the
    median over small samples is compared.
    """
    layer = layer_of("grid_nonlinearity", "torch_separable")
    asked = problem(natural(range(lmax + 1)), **SIZE | {"batch": 16}).at(resolution=rings)
    drawn = [layer.symmetry_error(asked, "rotation", n=2, drawn=seed) for seed in range(15)]
    found = np.median(drawn)
    assert found < 4 * error and (error < 1e-14 or found > error / 4)


@pytest.mark.parametrize("activation", ["silu", "tanh"])
def test_symmetry_of_the_grid_is_exact(activation, layer_of, distance):
    """Turns by a multiple of pi/R about y, and half turns about z, only permute the points."""
    layer = layer_of("grid_nonlinearity", "torch_dense")
    asked = problem(degrees(range(4)), activation=activation, **SIZE).at(resolution=5)
    (inputs, weights), act = layer.draw(asked), FAMILY.inputs(asked)["x"].act
    value = layer.outputs(asked, inputs, weights)["z"]
    for axis, angle in (([0, 1, 0], 3 * np.pi / 5), ([0, 0, 1], np.pi)):
        g = axis_angle(axis, angle)
        found = layer.outputs(asked, {"x": act(g, inputs["x"])}, weights)["z"]
        assert distance(found, act(g, value)) < 1e-13


def test_the_grid_is_symmetric_and_integrates():
    grid = grid_of(4)
    points, weights = grid.points().reshape(-1, 3), grid.weights().ravel()
    assert len(points) == 4 * 8 and weights.sum() == pytest.approx(4 * np.pi)
    gaps = np.abs(points[:, None] + points[None]).max(-1).min(1)
    assert gaps.max() < 1e-14


def test_small_signals_see_the_linear_part(distance):
    """silu(f) = f/2 + O(f^2): with a grid that is exact for degree 2L the map is x/2."""
    asked = problem(natural(range(3)), **SIZE).at(resolution=5)
    x = 1e-9 * FAMILY.draw(asked, Streams(0))["x"]
    assert distance(OPERATION.oracle(asked, {"x": x}, {})["z"], x / 2) < 1e-8


@pytest.mark.parametrize(
    ("irreps", "rings", "reason"),
    [
        ("0e+1o+1o", 4, "is not one function on the sphere: a degree is repeated"),
        ("0e+1e", 4, "1e is not of natural parity"),
        ("0e+3o", 3, "resolution=3: degree 3 needs at least 4 rings"),
    ],
)
def test_refusals_name_the_reason(irreps, rings, reason):
    assert reason in str(OPERATION.supports(problem(irreps, **SIZE).at(resolution=rings)))


def test_it_is_approximate_in_the_resolution():
    assert OPERATION.inexact == "rotation by resolution"
