"""The trio on the sphere: the gated product is exact on an exact grid, a SwiGLU by resolution."""

import math
from dataclasses import replace

import numpy as np
import pytest

from impls import backends
from impls.families.feature import FAMILY, power
from impls.families.feature import layer as problem
from impls.implementation import Target
from impls.pointwise.grid_gated_product.operation import OPERATION
from impls.pointwise.grid_gated_product.points import RULES, on_grid, on_points, rule_of
from impls.pointwise.grid_swiglu.operation import OPERATION as SWIGLU
from impls.powers.gaunt_power.operation import OPERATION as POWER
from impls.so3.equiangular import driscoll_healy
from impls.so3.irreps import degrees, natural
from impls.so3.quadrature import gauss_legendre
from impls.streams import Streams

SIZE = {"channels": 3, "batch": 8, "dtype": "float64"}
NAMES = ("torch_dense", "torch_separable", "jax_dense", "jax_separable")
MIXED = problem("2e+0e+3o", activation="tanh", **SIZE)


def numpy_of(asked):
    return backends.load("numpy", asked, Target())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("asked", [problem(degrees(range(4)), **SIZE), MIXED], ids=str)
def test_each_algorithm_is_the_coupling_of_degrees(name, asked, layer_of, distance):
    layer = layer_of("grid_gated_product", name)
    inputs, weights = layer.draw(asked)
    found = layer.outputs(asked, inputs, weights)["z"]
    assert distance(found, OPERATION.oracle(asked, inputs, weights)["z"]) < 1e-13


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("lmax", [0, 1, 2, 3, 4])
def test_each_rule_is_exact(rule, lmax, distance):
    asked = problem(natural(range(lmax + 1)), **SIZE)
    inputs, weights = drawn(asked)
    found = on_points(asked, numpy_of(asked), *rule_of(asked, rule)).call(inputs, weights)["z"]
    assert distance(found, OPERATION.oracle(asked, inputs, weights)["z"]) < 1e-13


def drawn(asked, operation=OPERATION):
    rng = np.random.default_rng(3)
    weights = {k: s.sample(rng) for k, s in operation.weights(asked).items()}
    return FAMILY.draw(asked, Streams(0)), weights


@pytest.mark.parametrize("make", [gauss_legendre, driscoll_healy])
def test_the_next_smaller_grid_is_wrong(make, distance):
    """Fewer rings, or fewer azimuths: either is seen."""
    asked = problem(natural(range(4)), **SIZE)
    inputs, weights = drawn(asked)
    wanted = OPERATION.oracle(asked, inputs, weights)["z"]

    def error(points):
        return distance(on_grid(asked, numpy_of(asked), points).call(inputs, weights)["z"], wanted)

    exact, fewer_rings, fewer = make(9), make(7), make(8)
    assert error(exact) < 1e-13
    cut = {"cos_theta": fewer_rings.cos_theta, "theta_weights": fewer_rings.theta_weights}
    assert error(replace(exact, **cut)) > 1e-3
    assert error(replace(exact, phi=fewer.phi, phi_weight=fewer.phi_weight)) > 1e-3


def test_smallest_exact_grids_have_these_points():
    """Points by L; those of equidistant rings are 4, 8, 10, 14, 20 rings for L = 1, 2, 3, 4, 6."""
    wanted = {
        "gauss_legendre": {1: 8, 2: 28, 3: 50, 4: 91, 6: 190},
        "driscoll_healy": {1: 16, 2: 56, 3: 100, 4: 182, 6: 380},
        "lebedev": {1: 6, 2: 26, 3: 38, 4: 86, 6: 146},
    }
    for rule, points in wanted.items():
        for lmax, count in points.items():
            asked = problem(natural(range(lmax + 1)), **SIZE)
            assert len(rule_of(asked, rule)[1]) == count
    rings = {lmax: len(driscoll_healy(3 * lmax).cos_theta) for lmax in (1, 2, 3, 4, 6)}
    assert rings == {1: 4, 2: 8, 3: 10, 4: 14, 6: 20}


def test_without_gate_it_is_the_second_gaunt_power(distance):
    """A = B = 1, and a gate that is the same for all samples."""
    asked = problem(natural(range(4)), **SIZE)
    inputs, _ = drawn(asked)
    inputs["x"][..., 0] = 1.0
    one = np.eye(3)
    found = OPERATION.oracle(asked, inputs, {"a": one, "b": one, "g": one})["z"]
    square = power(2, 3, 3, **SIZE)
    gate = 1 / (1 + math.exp(-1))
    assert distance(found, gate * POWER.oracle(square, inputs, {})["z"]) < 1e-13


@pytest.mark.parametrize("name", NAMES)
def test_scalars_see_a_gated_product(name, layer_of, distance):
    layer = layer_of("grid_gated_product", name)
    asked = problem("0e", **SIZE)
    inputs, weights = layer.draw(asked)
    a, b, g = (inputs["x"][..., 0] @ weights[k].T for k in "abg")
    wanted = g / (1 + np.exp(-g)) * a * b / np.sqrt(4 * np.pi)
    assert distance(layer.outputs(asked, inputs, weights)["z"][..., 0], wanted) < 1e-13


@pytest.mark.parametrize("name", NAMES)
def test_a_swiglu_of_scalars_is_an_ordinary_one(name, layer_of, distance):
    layer = layer_of("grid_swiglu", name)
    asked = problem("0e", **SIZE).at(resolution=1)
    inputs, weights = layer.draw(asked)
    root = np.sqrt(4 * np.pi)
    a, b = (inputs["x"][..., 0] / root @ weights[k].T for k in "ab")
    wanted = root * a / (1 + np.exp(-a)) * b
    assert distance(layer.outputs(asked, inputs, weights)["z"][..., 0], wanted) < 1e-13


def test_the_trio_is_told_apart_by_rotations(layer_of):
    """The gated product is exact; a SwiGLU falls with the rings and stays above rounding."""
    asked = problem(natural(range(3)), **SIZE)
    exact = layer_of("grid_gated_product", "torch_separable").symmetry_error(asked, "rotation", n=2)
    swiglu = layer_of("grid_swiglu", "torch_separable")
    errors = [swiglu.symmetry_error(asked.at(resolution=r), "rotation", n=2) for r in (3, 5, 10)]
    assert exact < 1e-13
    assert errors[1] < errors[0] / 5 and errors[2] < errors[1] / 5 and errors[2] > 1e-10
    assert swiglu.symmetry_error(asked.at(resolution=3), "inversion", n=1) < 1e-13
    assert OPERATION.exact == ("rotation", "inversion") and SWIGLU.exact == ("inversion",)


@pytest.mark.parametrize(
    ("irreps", "reason"),
    [
        ("1o+2e", "irreps=1x1o+1x2e has no scalar for the gate"),
        ("0e+1o+1o", "irreps=1x0e+1x1o+1x1o is not one function on the sphere"),
        ("0e+1e", "irreps=1x0e+1x1e: 1e is not of natural parity"),
    ],
)
def test_refusals_name_the_reason(irreps, reason):
    refusal = OPERATION.supports(problem(irreps, **SIZE))
    assert str(refusal).startswith(reason) and refusal.remedy
