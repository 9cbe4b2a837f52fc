"""What all layers of a feature owe: irreps in any order, claims, costs and refusals."""

import math
from dataclasses import replace

import numpy as np
import pytest

from impls.families.feature import FAMILY, gated
from impls.families.feature import layer as problem
from impls.problem import Problem
from impls.registry import load
from impls.so3.irreps import Irreps, degrees, natural
from impls.streams import Streams

REGISTRY = load()
SIZE = {"channels": 2, "batch": 3, "dtype": "float64"}
O3 = problem(natural(range(4)), **SIZE).at(resolution=5)
SO3 = problem(degrees(range(3)), activation="tanh", **SIZE).at(resolution=4)
VECTORS = problem(gated(3), data="frames", **SIZE)
MIXED = problem("1e+0o+0e+0e+0e+2o+0e+1o", data="frames", **SIZE)
UNSORTED = problem("3o+0e+2e", activation="tanh", **SIZE).at(resolution=6)
SOME_DEGREES = problem("2+1+1+0", data="frames", **SIZE)
ANSWERS = {
    "norm_activation": (O3, SO3, VECTORS, MIXED, SOME_DEGREES),
    "gate": (O3, SO3, VECTORS, MIXED, SOME_DEGREES),
    "grid_nonlinearity": (O3, SO3, UNSORTED),
    "grid_mlp": (O3, SO3, UNSORTED),
    "local_frame": (VECTORS, MIXED, SOME_DEGREES),
}


@pytest.mark.parametrize("operation", ANSWERS)
def test_of_any_irreps(operation, agrees):
    for asked in ANSWERS[operation]:
        agrees(REGISTRY.operation(operation), asked)


@pytest.mark.parametrize(
    ("operation", "name", "claimed"),
    [
        ("norm_activation", "numpy_direct", {"rotation", "inversion"}),
        ("gate", "numpy_direct", {"rotation", "inversion"}),
        ("grid_nonlinearity", "numpy_dense", {"inversion"}),
        ("grid_mlp", "numpy_dense", {"inversion"}),
        ("local_frame", "numpy_recursion", {"rotation"}),
    ],
)
def test_what_is_not_claimed_does_not_hold(operation, name, claimed, layer_of):
    layer = layer_of(operation, name)
    assert set(layer.operation.exact) == claimed
    for subgroup in {"rotation", "inversion"} - claimed:
        assert layer.symmetry_error(ANSWERS[operation][0], subgroup) > 1e-3


@pytest.mark.parametrize("operation", ANSWERS)
def test_cost_counts_every_sample_alike_and_moves_x_and_z_once(operation):
    """All arithmetic is of samples; of the bytes, what is not x or z is weights, moved once."""
    declared, asked = REGISTRY.operation(operation), ANSWERS[operation][0]
    small, large = (declared.cost(asked.with_sizes(batch=n)) for n in (10, 100))
    numbers = asked.sizes["channels"] * Irreps.parse(asked.sizes["irreps_in"]).dim
    weights = sum(math.prod(space.shape) for space in declared.weights(asked).values())
    assert large["flops"] == pytest.approx(10 * small["flops"]) and small["flops"] > 10 * numbers
    assert large["bytes"] == 8 * (100 * 2 * numbers + weights)
    assert small["bytes"] == 8 * (10 * 2 * numbers + weights)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (O3.with_sizes(irreps_in="2x0e+1x1o"), "irreps_in=2x0e+1x1o: multiplicities are not"),
        (O3.with_sizes(irreps_in=""), "irreps_in is empty"),
        (O3.with_sizes(irreps_in="0e+1"), "mix labels with a parity"),
        (O3.with_sizes(activation="relu"), "unknown activation 'relu'"),
        (O3.with_sizes(nu=2), "nu=2 with activation=silu: a product has no activation"),
        (Problem("feature", {"irreps_in": "0e"}), "missing ['irreps_out', 'nu', 'activation'"),
        (replace(O3, data="other"), "unknown data 'other'"),
        (replace(O3, data="frames"), "has 1 of the two vectors that define a frame"),
    ],
)
def test_family_refuses_by_name(asked, reason):
    assert reason in str(FAMILY.check(asked))


def test_data_frames_keeps_vectors_apart():
    asked = MIXED.with_sizes(batch=200)
    x = FAMILY.draw(asked, Streams(0))["x"]
    u, v = x[..., :3], x[..., -3:]
    sizes = np.linalg.norm(u, axis=-1), np.linalg.norm(v, axis=-1)
    assert all(np.all((size > 6) & (size < 8)) for size in sizes)
    cosine = (u * v).sum(-1) / sizes[0] / sizes[1]
    assert np.abs(cosine).max() < np.cos(np.pi * 75 / 180) and np.ptp(cosine) > 0.4
    assert np.abs(u.mean((0, 1))).max() < 1


@pytest.mark.parametrize("operation", ANSWERS)
@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        ({"nu": 2, "activation": "none"}, "nu=2 asks for a product"),
        ({"irreps_out": "0e"}, "a pointwise layer has the irreps and channels of its input"),
        ({"channels_out": 7}, "a pointwise layer has the irreps and channels of its input"),
        ({"weights": "per_sample"}, "weights are shared by all samples"),
        ({"activation": "none"}, "activation=none asks for a map without one"),
    ],
)
def test_a_layer_refuses_what_is_no_layer(operation, sizes, reason):
    asked = VECTORS.with_sizes(**sizes)
    assert FAMILY.check(asked) is None
    supports = REGISTRY.operation(operation).supports
    assert str(supports(asked)).startswith(reason)
