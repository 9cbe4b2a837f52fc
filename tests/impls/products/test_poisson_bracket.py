from dataclasses import replace

import numpy as np
import pytest

from analysis.expressivity import reachable_dimension, span_dimension
from analysis.reduced import interactability, labels
from impls import backends
from impls.families.product import irreps_of, problem
from impls.implementation import Target
from impls.problem import Problem
from impls.products.poisson_bracket.grid import bracket_degree, on_grid, polar_derivative
from impls.products.poisson_bracket.operation import OPERATION, reached
from impls.registry import load
from impls.so3.harmonics import legendre
from impls.so3.quadrature import gauss_legendre
from impls.so3.wigner import wigner_3j

REGISTRY = load()


def implementation(name):
    return REGISTRY.implementation(f"poisson_bracket.{name}")


def custom(first, second, out, channels=2, batch=3, dtype="float64"):
    sizes = {"irreps_in1": first, "irreps_in2": second, "irreps_out": out}
    return Problem("product", sizes | {"channels": channels, "batch": batch}, dtype=dtype)


PSEUDO = custom("0e+1o+2e", "0e+1o+2e", "0o+1e+2o+3e+1o")  # 0o and 1o vanish
PROBLEMS = [
    PSEUDO,
    problem("mimo", 2, "so3", channels=2, batch=4, dtype="float64"),
    problem("mimo", 1, "so3", channels=1, batch=4, dtype="float64"),
    problem("mimo", 3, "so3", channels=1, batch=4, dtype="float64"),
    problem("mimo", 5, "so3", channels=1, batch=2, dtype="float64"),
    problem("simo", 3, "so3", channels=2, batch=4, dtype="float64"),
    problem("siso", 3, "so3", channels=2, batch=4, dtype="float64"),
    custom("0o+1e+2o", "1o+2e", "1o+2e+3o+9o"),  # one pseudo input: natural outputs
    custom("2+0+5", "1+3", "4+1"),
    custom("1+1", "2", "2+1"),
    custom("0+2+6", "1+2", "1+2"),  # no path starts at 6
    custom("4", "2", "1+2+3+4+5+6"),
]


def name_of(asked):
    return " | ".join(str(asked.sizes[f"irreps_{side}"]) for side in ("in1", "in2", "out"))


@pytest.mark.parametrize("asked", PROBLEMS, ids=name_of)
def test_oracle_is_the_closed_form(asked, runner, distance):
    arrays = runner.draw(asked)
    assert OPERATION.supports(asked) is None
    first, second, out = irreps_of(asked)
    in1, in2, in3 = first.slices(), second.slices(), out.slices()
    wanted = np.zeros(OPERATION.outputs(asked)["z"].shape)
    for (i1, i2, i3), value in OPERATION.coefficients(asked).items():
        degrees = first.items[i1][1].l, second.items[i2][1].l, out.items[i3][1].l
        assert value > 0
        x, y = arrays["x"][..., in1[i1]], arrays["y"][..., in2[i2]]
        wanted[..., in3[i3]] += value * np.einsum("ijk,...i,...j->...k", wigner_3j(*degrees), x, y)
    found = OPERATION.oracle(asked, arrays, {})["z"]
    assert distance(found, wanted) < 1e-12
    assert [bool(np.any(found[..., part])) for part in in3] == list(reached(asked))


@pytest.mark.parametrize("asked", PROBLEMS, ids=name_of)
def test_of_any_irreps(asked, agrees):
    agrees(OPERATION, asked)


def test_vectors_give_the_cross_product(runner, distance):
    asked = custom("1o", "1o", "1e")
    arrays = runner.draw(asked)
    wanted = np.sqrt(3 / (4 * np.pi)) * np.cross(arrays["x"], arrays["y"])
    assert distance(OPERATION.oracle(asked, arrays, {})["z"], wanted) < 1e-14


@pytest.mark.parametrize("name", ["torch_coefficients", "torch_grid"])
def test_antisymmetric(name, runner, distance):
    asked = problem("mimo", 3, "so3", batch=4, dtype="float64")
    arrays = runner.draw(asked)
    swapped = {"x": arrays["y"], "y": arrays["x"]}
    found = runner.value(implementation(name), asked, arrays)
    assert distance(-runner.value(implementation(name), asked, swapped), found) < 1e-13
    alone = {"x": arrays["x"], "y": arrays["x"]}
    assert np.abs(runner.value(implementation(name), asked, alone)).max() < 1e-12


@pytest.mark.parametrize(
    ("setting", "lmax", "dim", "span"),
    [
        *(("mimo", n, *pin) for n, pin in enumerate([(1, 1), (5, 5), (9, 14), (13, 30)], 1)),
        *(("simo", n, n, n) for n in (1, 2, 3, 4, 5)),
        ("siso", 3, 1, 1),
    ],
)
def test_dimensions(setting, lmax, dim, span):
    asked = problem(setting, lmax, "so3")
    parts = [labels(irreps) for irreps in irreps_of(asked)]
    coefficients = OPERATION.coefficients(asked)
    rank = reachable_dimension(coefficients, *parts)
    assert (rank.value, rank.verdict) == (dim, "certain")
    assert span_dimension(coefficients, *parts) == span


def test_couples_exactly_the_odd_triples():
    asked = problem("mimo", 4, "so3")
    parts = [labels(irreps) for irreps in irreps_of(asked)]
    for triple, coupled in interactability(OPERATION.coefficients(asked), *parts).items():
        assert coupled == (sum(ir.l for ir in triple) % 2 == 1)


def test_derivative_of_legendre_functions():
    theta, step = np.array([0.3, 1.1, 2.9]), 1e-6
    ahead, behind = (legendre(5, np.cos(theta + s)) for s in (step, -step))
    numeric = (ahead - behind) / (2 * step)
    np.testing.assert_allclose(polar_derivative(5, np.cos(theta)), numeric, atol=1e-7)


def test_one_point_fewer_is_detected(runner, distance):
    asked = problem("mimo", 3, "so3", batch=8, dtype="float64")
    arrays = runner.draw(asked)
    wanted = OPERATION.oracle(asked, arrays, {})["z"]

    def error(points):
        return distance(
            on_grid(asked, backends.load("numpy", asked, Target()), points).call(arrays, {})["z"],
            wanted,
        )

    degree = bracket_degree(asked)
    assert degree == 4 * 3 - 2
    exact = gauss_legendre(degree)
    assert error(exact) < 1e-13
    nodes, weights = np.polynomial.legendre.leggauss(len(exact.cos_theta) - 1)
    assert error(replace(exact, cos_theta=nodes, theta_weights=weights)) > 0.01
    coarse = gauss_legendre(degree - 1)
    assert error(replace(exact, phi=coarse.phi, phi_weight=coarse.phi_weight)) > 0.01


def test_cost():
    asked = custom("1o", "1o", "1e", channels=2, batch=5, dtype="float32")
    assert OPERATION.cost(asked) == {"flops": 3.0 * 6 * 10, "bytes": 9.0 * 4 * 10}


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (problem("mimo", 2, "o3"), "out of reach: the bracket is a pseudo function"),
        (problem("siso", 1, "o3"), "out of reach: the bracket is a pseudo function"),
        (problem("siso", 2, "so3"), "identically zero: l1+l2+l3 even for every path"),
        (custom("0", "1+2", "1+2"), "identically zero: l1+l2+l3 even for every path"),
        (custom("1o", "1o", "3e"), "empty: no path of 1x1o x 1x1o ends in 1x3e"),
        (custom("0e+1e", "1o", "1o"), "irreps_in1=1x0e+1x1e is not one function on the sphere"),
        (custom("1o", "1o+2o", "2e"), "irreps_in2=1x1o+1x2o is not one function on the sphere"),
    ],
)
def test_refusals_name_the_reason(asked, reason):
    refusal = OPERATION.supports(asked)
    assert refusal is not None and str(refusal).startswith(reason)
