"""Maps without an activation: Schur's lemma, what layer norm is, costs, and what is refused."""

import math
from dataclasses import replace

import numpy as np
import pytest

from impls.families.feature import FAMILY, ask, layer
from impls.implementation import Target
from impls.pointwise.layer_norm.operation import EPSILON
from impls.registry import load
from impls.so3.irreps import Irreps, natural
from impls.so3.rotations import random_rotations, representation

REGISTRY = load()
LINEAR, NORM = (REGISTRY.operation(name) for name in ("linear", "layer_norm"))
SIZE = {"activation": "none", "batch": 5, "dtype": "float64"}
WIDE = layer(natural(range(4)), channels=6, **SIZE)
NARROW = ask(irreps_in="3o+0e+1e+2e", irreps_out="1e+3o+5e", channels=3, channels_out=2, **SIZE)
MIXED = layer("1e+0o+0e+2o", channels=4, **SIZE)
REPEATED = layer("0e+0e+1o+0o", channels=4, **SIZE)
DEGREES = layer("2+1+0", channels=4, **SIZE)


@pytest.mark.parametrize("asked", [WIDE, NARROW, MIXED, DEGREES], ids=str)
def test_linear_maps_of_any_irreps(asked, agrees):
    agrees(LINEAR, asked)


@pytest.mark.parametrize("asked", [WIDE, MIXED, REPEATED, DEGREES], ids=str)
def test_norms_of_any_irreps(asked, agrees):
    agrees(NORM, asked)


def matrix(asked, weights):
    """Return the map of an operation without an offset as a matrix, by its oracle."""
    inside = FAMILY.inputs(asked)["x"].shape[1:]
    basis = np.eye(math.prod(inside)).reshape(-1, *inside)
    images = LINEAR.oracle(asked.with_sizes(batch=len(basis)), {"x": basis}, weights)["z"]
    return images.reshape(len(basis), -1).T


def test_linear_maps_are_all_that_commute_with_rotations():
    """Schur: as many as there are weights, counted as the null space of commutation."""
    asked = ask(irreps_in="0+1+2", irreps_out="2+1", channels=2, channels_out=3, **SIZE)
    (shape,) = (space.shape for space in LINEAR.weights(asked).values())
    maps = [matrix(asked, {"w": unit.reshape(shape)}) for unit in np.eye(math.prod(shape))]
    assert np.linalg.matrix_rank(np.array([m.ravel() for m in maps])) == math.prod(shape)
    turns = random_rotations(np.random.default_rng(0), 3)
    inside = [np.kron(np.eye(2), representation("0+1+2", t)) for t in turns]
    out = [np.kron(np.eye(3), representation("2+1", t)) for t in turns]
    commuting = np.concatenate(
        [
            np.kron(b, np.eye(len(a))) - np.kron(np.eye(len(b)), a.T)
            for a, b in zip(inside, out, strict=True)
        ]
    )
    singular = np.linalg.svd(commuting, compute_uv=False)
    assert int((singular < 1e-10).sum()) == math.prod(shape)


def test_a_linear_map_is_a_kronecker_product_with_the_identity():
    rng = np.random.default_rng(0)
    weights = {"w": rng.standard_normal((1, 3, 2))}
    asked = ask(irreps_in="2e", channels=3, channels_out=2, **SIZE)
    np.testing.assert_allclose(matrix(asked, weights), np.kron(weights["w"][0].T, np.eye(5)))


def test_weights_are_those_of_the_irreps_in_common_in_the_order_of_the_output(judge):
    assert LINEAR.outputs(NARROW)["z"].irreps == "1x1e+1x3o"
    assert LINEAR.weights(NARROW)["w"].shape == (2, 3, 2)
    inputs, weights = judge.draw(FAMILY, LINEAR, NARROW)
    z = LINEAR.oracle(NARROW, inputs, weights)["z"]
    wanted = np.einsum("bum,uw->bwm", inputs["x"][..., 8:11], weights["w"][0])
    np.testing.assert_allclose(z[..., :3], wanted, atol=1e-13)


def plain(asked, x):
    """Return the layer norm of x with g = 1 and b = 0."""
    spaces = NORM.weights(asked)
    weights = {name: np.full(space.shape, float(name == "g")) for name, space in spaces.items()}
    return NORM.oracle(asked, {"x": x}, weights)["z"]


def test_scalars_are_normed_as_pytorch_norms_them():
    torch = pytest.importorskip("torch")
    asked = layer("0e", channels=7, **SIZE)
    x = np.random.default_rng(0).standard_normal((5, 7, 1))
    wanted = torch.nn.functional.layer_norm(torch.tensor(x[..., 0]), (7,), eps=EPSILON)
    np.testing.assert_allclose(plain(asked, x)[..., 0], wanted, atol=1e-12)


def test_each_irrep_has_unit_mean_square_whatever_its_size(judge):
    """Also 0o, which keeps its mean."""
    asked = layer("0o+1o+2e", channels=9, **SIZE)
    x = judge.draw(FAMILY, NORM, asked)[0]["x"]
    scales = np.repeat([1e3, 1.0, 30.0], [1, 3, 5])
    z = plain(asked, 100 * scales * x)
    for part in Irreps.parse("0o+1o+2e").slices():
        np.testing.assert_allclose((z[..., part] ** 2).mean((1, 2)), 1, atol=1e-7)
    np.testing.assert_allclose(z[..., :1] / x[..., :1], (z / x)[:, :1, :1].repeat(9, 1))


def test_a_feature_of_zeros_becomes_the_offset():
    """Nothing is divided by zero, in value and gradient."""
    torch = pytest.importorskip("torch")
    built = REGISTRY.implementation("layer_norm.torch_direct").build(WIDE, Target(), {})
    x = torch.zeros(5, 6, 16, dtype=torch.float64, requires_grad=True)
    g, b = torch.ones(4, 6, dtype=torch.float64), torch.arange(6.0, dtype=torch.float64)[None]
    z = built.call({"x": x}, {"g": g, "b": b})["z"]
    assert torch.equal(z[..., 0], b.expand(5, 6)) and not z[..., 1:].any()
    z.sum().backward()
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize(("operation", "asked"), [(LINEAR, NARROW), (NORM, MIXED)])
def test_cost_counts_every_sample_alike_and_moves_each_number_once(operation, asked):
    small, large = (operation.cost(asked.with_sizes(batch=n)) for n in (10, 100))
    out = math.prod(operation.outputs(asked)["z"].shape[1:])
    read = 3 * (3 + 7) if operation is LINEAR else 4 * 10
    weights = sum(math.prod(space.shape) for space in operation.weights(asked).values())
    assert large["flops"] == pytest.approx(10 * small["flops"]) and small["flops"] > 10 * out
    assert large["bytes"] == 8 * (100 * (read + out) + weights)


@pytest.mark.parametrize(
    ("operation", "asked", "reason"),
    [
        (LINEAR, REPEATED, "an irrep is repeated"),
        (LINEAR, NARROW.with_sizes(irreps_out="4e"), "have no irrep in common"),
        (LINEAR, WIDE.with_sizes(activation="silu"), "activation=silu: this map has none"),
        (NORM, WIDE.with_sizes(activation="tanh"), "activation=tanh: this map has none"),
        (NORM, NARROW, "has the irreps and channels of its input"),
        (NORM, WIDE.with_sizes(weights="per_sample"), "weights are shared by all samples"),
        (LINEAR, WIDE.with_sizes(weights="per_sample"), "weights are shared by all samples"),
        (LINEAR, WIDE.with_sizes(nu=2), "nu=2 asks for a product"),
    ],
)
def test_what_is_no_such_map_is_refused_by_name(operation, asked, reason):
    assert FAMILY.check(replace(asked, dtype="float32")) is None
    assert reason in str(operation.supports(asked))
