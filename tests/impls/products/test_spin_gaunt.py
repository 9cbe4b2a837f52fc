"""The spin-weighted Gaunt product: closed forms, odd paths, and its dimensions beside rivals."""

from dataclasses import replace
from math import comb, factorial, pi, sqrt

import numpy as np
import pytest

from analysis.expressivity import reachable_dimension, span_dimension
from analysis.reduced import interactability, labels
from impls import backends
from impls.families.product import irreps_of, problem
from impls.implementation import Target
from impls.problem import Problem
from impls.products.gaunt.operation import OPERATION as GAUNT
from impls.products.poisson_bracket.operation import OPERATION as BRACKET
from impls.products.poisson_bracket.operation import bracket_coefficient
from impls.products.spin_gaunt.grid import on_grid
from impls.products.spin_gaunt.lebedev import fields, tangents
from impls.products.spin_gaunt.operation import OPERATION, _sampled, spin_coefficient
from impls.so3.harmonics import spherical_harmonics
from impls.so3.irreps import Irreps
from impls.so3.quadrature import gauss_legendre
from impls.so3.symbols import wigner_3j_symbol
from impls.so3.wigner import wigner_3j


def custom(first, second, out, channels=2, batch=3, dtype="float64"):
    sizes = {"irreps_in1": first, "irreps_in2": second, "irreps_out": out}
    return Problem("product", sizes | {"channels": channels, "batch": batch}, dtype=dtype)


PSEUDO = custom("0e+1o+2e", "0e+1o", "0e+1o+1e+0o+2e+2o+3o+7e")  # no path ends in 0o and 7e
PROBLEMS = [
    PSEUDO,
    problem("simo", 2, "so3", channels=2, batch=4, dtype="float64"),
    problem("siso", 3, "so3", channels=2, batch=4, dtype="float64"),  # odd paths alone
    problem("mimo", 1, "so3", channels=1, batch=4, dtype="float64"),
    problem("mimo", 3, "so3", channels=1, batch=4, dtype="float64"),
    problem("mimo", 5, "so3", channels=1, batch=2, dtype="float64"),
    custom("0o+1e+2o", "1o+2e", "1o+2e+3o+1e+2o"),
    custom("2+0+5", "1+3", "4+1"),
    custom("1o", "1o", "1e"),
]


def name_of(asked):
    return " | ".join(str(asked.sizes[f"irreps_{side}"]) for side in ("in1", "in2", "out"))


def parts_of(asked):
    return tuple(labels(irreps) for irreps in irreps_of(asked))


@pytest.mark.parametrize("asked", PROBLEMS, ids=name_of)
def test_oracle_is_the_closed_form(asked, runner, distance):
    arrays = runner.draw(asked)
    assert OPERATION.supports(asked) is None
    first, second, out = irreps_of(asked)
    in1, in2, in3 = first.slices(), second.slices(), out.slices()
    wanted = np.zeros(OPERATION.outputs(asked)["z"].shape)
    for (i1, i2, i3), value in OPERATION.coefficients(asked).items():
        degrees = first.items[i1][1].l, second.items[i2][1].l, out.items[i3][1].l
        x, y = arrays["x"][..., in1[i1]], arrays["y"][..., in2[i2]]
        wanted[..., in3[i3]] += value * np.einsum("ijk,...i,...j->...k", wigner_3j(*degrees), x, y)
    assert distance(OPERATION.oracle(asked, arrays, {})["z"], wanted) < 1e-12


@pytest.mark.parametrize("asked", PROBLEMS, ids=name_of)
def test_of_any_irreps(asked, agrees):
    agrees(OPERATION, asked)


def test_coefficients_are_symbols_of_spins():
    """Both closed forms against the sum over all terms, and no zero among the odd ones."""
    for l1 in range(9):
        for l2 in range(9):
            for l3 in range(abs(l1 - l2), l1 + l2 + 1):
                s = (l1 + l2 + l3) % 2
                symbol = abs(wigner_3j_symbol(l1, l2, l3, s, -s, 0))
                size = sqrt((2 * l1 + 1) * (2 * l2 + 1) * (2 * l3 + 1) / (4 * pi))
                found = spin_coefficient(l1, l2, l3)
                assert found == pytest.approx(size * symbol, rel=1e-13)
                assert found > 0
    assert spin_coefficient(1, 1, 3) == spin_coefficient(1, 2, 4) == 0


def test_odd_coefficients_are_those_of_the_bracket_without_their_growth():
    sizes = []
    for degrees in [(1, 1, 1), (2, 1, 2), (3, 3, 5), (8, 8, 7), (14, 13, 14)]:
        l1, l2, _ = degrees
        growth = sqrt(l1 * (l1 + 1) * l2 * (l2 + 1))
        found = spin_coefficient(*degrees)
        assert found * growth == pytest.approx(bracket_coefficient(*degrees), rel=1e-13)
        sizes.append(found)
    assert max(sizes) / min(sizes) < 4


def goldberg(degree, m, theta, phi):
    """Spin 1 harmonics by the sum of Goldberg et al., complex, with Condon-Shortley phase."""
    s = 1
    root = factorial(degree + m) * factorial(degree - m) * (2 * degree + 1)
    root /= 4 * pi * factorial(degree + s) * factorial(degree - s)
    total = 0.0
    for r in range(degree - s + 1):
        if 0 <= r + s - m <= degree + s:
            sign = (-1) ** (degree - r - s)
            count = comb(degree - s, r) * comb(degree + s, r + s - m)
            power = 2 * r + s - m
            half = np.cos(theta / 2) ** power * np.sin(theta / 2) ** (2 * degree - power)
            total = total + sign * count * half
    return (-1) ** m * sqrt(root) * np.exp(1j * m * phi) * total


@pytest.mark.parametrize("degree", [1, 2, 5])
def test_normalised_gradients_are_harmonics_of_spin_one(degree):
    """1Y of real harmonics, from the complex ones of another formula, up to one sign for all."""
    degrees = (degree,)
    points = gauss_legendre_points(degree)
    wanted = []
    for m in range(-degree, degree + 1):
        plus, minus = (goldberg(degree, k, *points) for k in (abs(m), -abs(m)))
        turned = (-1) ** m * plus
        if m == 0:
            wanted.append(plus)
        elif m > 0:
            wanted.append((turned + minus) / sqrt(2))
        else:
            wanted.append((turned - minus) / (1j * sqrt(2)))
    found = _sampled(degrees, degree)[1]
    assert np.allclose(found, -np.stack(wanted), atol=1e-13)


def gauss_legendre_points(degree):
    nodes = np.polynomial.legendre.leggauss(degree // 2 + 4)[0]
    azimuths = 2 * np.pi / (degree + 4) * np.arange(degree + 4)
    return tuple(a.ravel() for a in np.meshgrid(np.arccos(nodes), azimuths, indexing="ij"))


def test_fields_at_points_are_those_of_differences():
    """Derivatives along the tangents, at a pole too, by central differences of the harmonics."""
    rng = np.random.default_rng(2)
    points = np.concatenate([np.eye(3), -np.eye(3), rng.standard_normal((8, 3))])
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    along, across = tangents(points)
    assert np.allclose(np.cross(along, across), points, atol=1e-15)
    irreps, step = Irreps.parse("0+1+2+4"), 1e-6
    found = fields(irreps, points)
    columns = np.concatenate([np.arange(ir.l**2, (ir.l + 1) ** 2) for _, ir in irreps])
    sizes = [ir.l * (ir.l + 1) or 1 for _, ir in irreps]
    norms = np.repeat(1 / np.sqrt(sizes), [ir.dim for _, ir in irreps])
    for part, tangent in ((1, along), (2, across)):
        ahead, behind = (
            spherical_harmonics(4, np.cos(step) * points + np.sin(s * step) * tangent)
            for s in (1, -1)
        )
        wanted = norms[:, None] * ((ahead - behind) / (2 * step)).T[columns]
        assert np.allclose(found[:, part], wanted, atol=1e-8)


@pytest.mark.parametrize(("lmax", "dim", "span"), [(1, 5, 6), (2, 9, 19), (3, 13, 44), (4, 17, 85)])
def test_dimensions(lmax, dim, span):
    """As many dimensions as the Gaunt product, in a span of all paths: none is out of reach."""
    asked = problem("mimo", lmax, "so3")
    coefficients, parts = OPERATION.coefficients(asked), parts_of(asked)
    rank = reachable_dimension(coefficients, *parts)
    assert (rank.value, rank.verdict) == (dim, "certain")
    assert rank.value == reachable_dimension(GAUNT.coefficients(asked), *parts).value
    assert span_dimension(coefficients, *parts) == span
    assert all(interactability(coefficients, *parts).values())


def test_swapping_inputs_turns_the_sign_of_the_odd_paths(runner, distance):
    """One output is both: half the sum of both orders is the Gaunt product."""
    asked = problem("mimo", 3, "so3", batch=4, dtype="float64")
    arrays = runner.draw(asked)
    swapped = {"x": arrays["y"], "y": arrays["x"]}
    one, other = (OPERATION.oracle(asked, a, {})["z"] for a in (arrays, swapped))
    assert distance((one + other) / 2, GAUNT.oracle(asked, arrays, {})["z"]) < 1e-13
    same = {"x": arrays["x"], "y": arrays["x"]}
    assert np.abs(BRACKET.oracle(asked, same, {})["z"]).max() < 1e-12
    kept = OPERATION.oracle(asked, same, {})["z"]
    assert distance(kept, GAUNT.oracle(asked, same, {})["z"]) < 1e-13


def test_one_point_fewer_is_detected(runner, distance):
    asked = problem("mimo", 2, "so3", batch=8, dtype="float64")
    arrays = runner.draw(asked)
    wanted = OPERATION.oracle(asked, arrays, {})["z"]

    def error(points):
        built = on_grid(asked, backends.load("numpy", asked, Target()), points)
        return distance(built.call(arrays, {})["z"], wanted)

    exact, coarse = gauss_legendre(8), gauss_legendre(7)
    assert error(exact) < 1e-13
    nodes, weights = coarse.cos_theta, coarse.theta_weights
    assert error(replace(exact, cos_theta=nodes, theta_weights=weights)) > 0.05
    assert error(replace(exact, phi=coarse.phi, phi_weight=coarse.phi_weight)) > 0.05


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (problem("mimo", 2, "o3"), "nothing but the Gaunt product: no path of odd"),
        (problem("siso", 2, "so3"), "nothing but the Gaunt product"),
        (custom("1o", "1o", "1o"), "identically zero: the parity"),
        (custom("1", "1", "3"), "empty: no path"),
        (custom("0e+1e", "1o", "1o"), "irreps_in1=1x0e+1x1e is not one function"),
    ],
)
def test_refusals_name_the_reason(asked, reason):
    refusal = OPERATION.supports(asked)
    assert refusal is not None and str(refusal).startswith(reason)
    assert refusal.remedy
