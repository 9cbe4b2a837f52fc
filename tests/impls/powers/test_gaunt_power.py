"""Gaunt power: the oracle is f^nu, grids are just fine enough."""

from dataclasses import replace

import numpy as np
import pytest

from impls import backends
from impls.families.feature import FAMILY, ask, irreps_of
from impls.families.feature import power as problem
from impls.implementation import Target
from impls.powers.gaunt_power.operation import OPERATION, reached
from impls.powers.gaunt_power.points import on_grid, power, power_degree
from impls.powers.symmetric_contraction.operation import OPERATION as CONTRACTION
from impls.problem import Problem
from impls.products.gaunt.operation import OPERATION as GAUNT
from impls.registry import load
from impls.so3.quadrature import gauss_legendre
from impls.streams import Streams

REGISTRY = load()


def implementation(name):
    return REGISTRY.implementation(f"gaunt_power.{name}")


def custom(inside, out, nu, channels=2, batch=3, dtype="float64"):
    counts = {"nu": nu, "channels": channels, "batch": batch}
    return ask(irreps_in=inside, irreps_out=out, dtype=dtype, **counts)


PROBLEMS = [
    problem(2, 2, 4, channels=1, batch=4, dtype="float64"),
    problem(5, 2, 2, "so3", channels=2, batch=3, dtype="float64"),
    custom("2o+0o", "1o+2o+0o+2e", 3),  # a pseudo-scalar function; 1o and 2e vanish
]


def name_of(asked):
    return "^{nu} {irreps_in} | {irreps_out}".format(**asked.sizes)


def relative(found, wanted):
    assert found.shape == wanted.shape
    return np.abs(found - wanted).max() / np.abs(wanted).max()


def test_oracle_is_the_repeated_gaunt_product():
    asked = problem(3, 2, 6, channels=2, batch=4, dtype="float64")
    a = FAMILY.draw(asked, Streams(0))["x"]

    def multiply(x, lx, lout):
        sizes = {
            "irreps_in1": "+".join(map(str, range(lx + 1))),
            "irreps_in2": "0+1+2",
            "irreps_out": "+".join(map(str, range(lout + 1))),
        }
        both = Problem("product", sizes | {"channels": 2, "batch": 4}, dtype="float64")
        return GAUNT.oracle(both, {"x": x, "y": a}, {})["z"]

    wanted = multiply(multiply(a, 2, 4), 4, 6)
    assert relative(OPERATION.oracle(asked, {"x": a}, {})["z"], wanted) < 1e-13


def test_power_is_a_point_of_the_symmetric_contraction():
    asked = problem(3, 2, 2, batch=60, dtype="float64")
    inputs = FAMILY.draw(asked, Streams(0))
    count = CONTRACTION.weights(asked)["W"].shape[0]
    columns = np.array(
        [
            CONTRACTION.oracle(asked, inputs, {"W": np.eye(count)[:, [k]]})["z"].ravel()
            for k in range(count)
        ]
    ).T
    wanted = OPERATION.oracle(asked, inputs, {})["z"].ravel()
    solution = np.linalg.lstsq(columns, wanted, rcond=None)[0]
    assert relative(columns @ solution, wanted) < 1e-12


@pytest.mark.parametrize("nu", range(1, 10))
def test_power(nu):
    values = np.random.default_rng(0).standard_normal(5)
    np.testing.assert_allclose(power(values, nu), values**nu, rtol=1e-14)


@pytest.mark.parametrize("asked", PROBLEMS, ids=name_of)
def test_of_any_irreps(asked, agrees):
    agrees(OPERATION, asked)


def test_outputs_vanish_where_no_power_ends():
    asked = PROBLEMS[2]
    assert reached(asked) == (False, True, True, False)
    z = OPERATION.oracle(asked, FAMILY.draw(asked, Streams(0)), {})["z"]
    parts = irreps_of(asked)[1].slices()
    assert tuple(bool(np.any(z[..., part])) for part in parts) == reached(asked)


def test_a_coarser_grid_aliases():
    asked = problem(3, 2, 2, batch=8, dtype="float64")
    inputs = FAMILY.draw(asked, Streams(0))
    wanted = OPERATION.oracle(asked, inputs, {})["z"]
    degree = power_degree(asked)
    assert degree == 3 * 2 + 2

    def error(points):
        return relative(
            on_grid(asked, backends.load("numpy", asked, Target()), points).call(inputs, {})["z"],
            wanted,
        )

    exact = gauss_legendre(degree)
    assert error(exact) < 1e-13
    coarse = gauss_legendre(degree - 1)
    assert error(replace(exact, phi=coarse.phi, phi_weight=coarse.phi_weight)) > 0.01
    nodes, weights = np.polynomial.legendre.leggauss(len(exact.cos_theta) - 1)
    assert error(replace(exact, cos_theta=nodes, theta_weights=weights)) > 0.01
    assert error(gauss_legendre(6)) > 0.1  # enough for a product of two, not of three


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (custom("0e+1e", "0e", 2), "irreps_in=1x0e+1x1e is not one function on the sphere"),
        (custom("1o", "0e", 3), "identically zero: f^3 has no part in 1x0e"),
        (custom("1", "3", 2), "identically zero: f^2 has no part in 1x3"),
        (custom("0e+1o", "1e", 2), "identically zero: f^2 has no part in 1x1e"),
        (problem(20, 4, 1), "f^20 has degree 80, over 60"),
    ],
)
def test_refusals_name_the_reason(asked, reason):
    refusal = OPERATION.supports(asked)
    assert refusal is not None and str(refusal).startswith(reason)


def test_lebedev_refuses_degrees_without_a_rule():
    assert implementation("torch_lebedev").supports(problem(20, 3, 20), Target()) is None
    wide = problem(2, 30, 80)
    assert reached(wide)[60] and not reached(wide)[61]
    assert power_degree(wide) == 120
    far = problem(2, 40, 80)
    assert "no Lebedev rule" in str(implementation("torch_lebedev").supports(far, Target()))
