from dataclasses import replace

import numpy as np
import pytest

from analysis.expressivity import reachable_dimension, span_dimension
from analysis.reduced import interactability, labels
from impls import backends
from impls.families.product import irreps_of, problem
from impls.implementation import Target
from impls.problem import Problem
from impls.products.gaunt.operation import OPERATION as GAUNT
from impls.products.gaunt_bracket.grid import on_grid
from impls.products.gaunt_bracket.operation import OPERATION, halves
from impls.products.poisson_bracket.operation import OPERATION as BRACKET
from impls.so3.irreps import Irreps
from impls.so3.quadrature import gauss_legendre
from impls.so3.wigner import wigner_3j


def custom(first, second, out, channels=2, batch=3, dtype="float64"):
    sizes = {"irreps_in1": first, "irreps_in2": second, "irreps_out": out}
    return Problem("product", sizes | {"channels": channels, "batch": batch}, dtype=dtype)


PSEUDO = custom("0e+1o+2e", "0e+1o", "0e+1o+1e+2e+2o+3o+7e")  # no path ends in 7e: left out
PROBLEMS = [
    PSEUDO,
    problem("simo", 2, "so3", channels=2, batch=4, dtype="float64"),
    problem("mimo", 1, "so3", channels=1, batch=4, dtype="float64"),
    problem("mimo", 3, "so3", channels=1, batch=4, dtype="float64"),
    problem("mimo", 5, "so3", channels=1, batch=2, dtype="float64"),
    custom("0o+1e+2o", "1o+2e", "1o+2e+3o+1e+2o"),
    custom("2+0+5", "1+3", "4+1"),
    custom("3", "2", "1+2"),
]


def name_of(asked):
    return " | ".join(str(asked.sizes[f"irreps_{side}"]) for side in ("in1", "in2", "out"))


def parts_of(asked):
    first, second, _ = irreps_of(asked)
    return labels(first), labels(second), labels(OPERATION.outputs(asked)["z"].irreps)


def test_outputs_are_the_gaunt_half_and_then_the_bracket():
    assert OPERATION.outputs(PSEUDO)["z"].irreps == "1x0e+1x1o+1x2e+1x3o+1x1e+1x2o"
    asked = problem("mimo", 1, "so3")
    assert OPERATION.outputs(asked)["z"].irreps == "1x0+1x1+1x2+1x1"


@pytest.mark.parametrize("asked", PROBLEMS, ids=name_of)
def test_oracle_is_the_closed_form(asked, runner, distance):
    arrays = runner.draw(asked)
    assert OPERATION.supports(asked) is None
    space = OPERATION.outputs(asked)["z"]
    first, second, out = (*irreps_of(asked)[:2], Irreps.parse(space.irreps))
    in1, in2, in3 = first.slices(), second.slices(), out.slices()
    wanted = np.zeros(space.shape)
    for (i1, i2, i3), value in OPERATION.coefficients(asked).items():
        degrees = first.items[i1][1].l, second.items[i2][1].l, out.items[i3][1].l
        x, y = arrays["x"][..., in1[i1]], arrays["y"][..., in2[i2]]
        wanted[..., in3[i3]] += value * np.einsum("ijk,...i,...j->...k", wigner_3j(*degrees), x, y)
    found = OPERATION.oracle(asked, arrays, {})["z"]
    assert distance(found, wanted) < 1e-12
    assert np.all(np.any(found, axis=(0, 1)))  # each half keeps what it reaches alone


@pytest.mark.parametrize("asked", PROBLEMS, ids=name_of)
def test_of_any_irreps(asked, agrees):
    agrees(OPERATION, asked)


@pytest.mark.parametrize(("lmax", "span"), [(1, 6), (2, 19), (3, 44), (4, 85)])
def test_dimensions(lmax, span):
    asked = problem("mimo", lmax, "so3")
    coefficients, parts = OPERATION.coefficients(asked), parts_of(asked)
    rank = reachable_dimension(coefficients, *parts)
    assert (rank.value, rank.verdict) == (6 * lmax, "certain")
    assert span_dimension(coefficients, *parts) == span
    assert all(interactability(coefficients, *parts).values())


@pytest.mark.parametrize(("lmax", "dim"), [(1, 6), (2, 14), (3, 22), (4, 30)])
def test_dimensions_of_both_halves_behind_linear_maps_of_their_own(lmax, dim):
    asked = problem("mimo", lmax, "so3")
    ranks = [
        reachable_dimension(
            operation.coefficients(half), *(labels(irreps) for irreps in irreps_of(half))
        ).value
        for operation, half in zip((GAUNT, BRACKET), halves(asked), strict=True)
    ]
    assert sum(ranks) == dim == 8 * lmax - 2


def test_dimensions_with_parity():
    asked = custom("0e+1o+2e", "0e+1o+2e", "0e+1o+1e+2e+2o+3o+3e+4e")
    coefficients, parts = OPERATION.coefficients(asked), parts_of(asked)
    assert reachable_dimension(coefficients, *parts).value == 12
    assert all(interactability(coefficients, *parts).values())


def test_one_point_fewer_is_detected(runner, distance):
    asked = problem("mimo", 2, "so3", batch=8, dtype="float64")
    arrays = runner.draw(asked)
    wanted = OPERATION.oracle(asked, arrays, {})["z"]

    def error(points):
        return distance(
            on_grid(asked, backends.load("numpy", asked, Target()), points).call(arrays, {})["z"],
            wanted,
        )

    exact, coarse = gauss_legendre(8), gauss_legendre(7)
    assert error(exact) < 1e-13
    nodes, weights = coarse.cos_theta, coarse.theta_weights
    assert len(nodes) == 4
    assert error(replace(exact, cos_theta=nodes, theta_weights=weights)) > 0.05
    assert error(replace(exact, phi=coarse.phi, phi_weight=coarse.phi_weight)) > 0.05


def test_cost_is_the_sum_of_both():
    asked = custom("1", "1", "0+1+2", channels=2, batch=5, dtype="float32")
    both = GAUNT.cost(custom("1", "1", "0+2", 2, 5)), BRACKET.cost(custom("1", "1", "1", 2, 5))
    assert OPERATION.cost(asked)["flops"] == sum(cost["flops"] for cost in both)
    assert OPERATION.cost(asked)["bytes"] == (3 + 3 + 9) * 4 * 10


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (problem("mimo", 2, "o3"), "poisson_bracket: out of reach: the bracket is a pseudo"),
        (custom("1o", "1o", "1e"), "gaunt: identically zero"),
        (problem("siso", 2, "so3"), "poisson_bracket: identically zero: l1+l2+l3 even"),
        (problem("siso", 1, "so3"), "gaunt: identically zero: l1+l2+l3 odd"),
        (custom("1", "1", "3"), "gaunt: empty: no path"),
        (custom("0e+1e", "1o", "1o"), "gaunt: irreps_in1=1x0e+1x1e is not one function"),
    ],
)
def test_refusals_name_the_reason(asked, reason):
    refusal = OPERATION.supports(asked)
    assert refusal is not None and str(refusal).startswith(reason)


def test_refusals_name_what_works():
    assert "use gaunt" in OPERATION.supports(problem("mimo", 2, "o3")).remedy
    assert "use poisson_bracket" in OPERATION.supports(problem("siso", 1, "so3")).remedy
