"""Products of irrep-valued fields: their closed form, what they couple, and implementations."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from analysis.expressivity import reachable_dimension, span_dimension
from analysis.reduced import bilinear_blocks, compare, interactability, labels
from impls import backends
from impls.families.field import (
    CROSS,
    DOT,
    FAMILY,
    SCALARS,
    SCALE,
    cutoffs_of,
    fields_of,
    irreps_of,
    problem,
    values_of,
)
from impls.families.product import problem as of_functions
from impls.implementation import Target
from impls.products.gaunt.operation import OPERATION as GAUNT
from impls.products.signal_product.grid import grid, on_grid, uncoupling
from impls.products.signal_product.operation import OPERATION, signal_coefficient
from impls.so3.harmonics import spherical_harmonics
from impls.so3.quadrature import gauss_legendre
from impls.so3.wigner import wigner_3j
from impls.streams import Streams

SPINS = {CROSS: (1, 1, 1), SCALE: (0, 1, 1), DOT: (1, 1, 0), SCALARS: (0, 0, 0)}


def small(values, lmax, symmetry="o3", **options):
    return problem(values, lmax, symmetry, channels=2, batch=3, dtype="float64", **options)


PROBLEMS = [
    small(CROSS, 2),
    small(DOT, 2, "so3"),
    small(SCALE, 2, setting="truncated"),
    small(("2e", "1o", "2o"), 2).with_sizes(lout=3),
    small(("1e", "3o", "4o"), 1),
    small(CROSS, 0),
    small(SCALARS, 3),
]


def name_of(asked):
    return "{value1} {value2} {value_out} {lmax} {lout}".format(**asked.sizes)


def draw(asked, seed=0):
    return FAMILY.draw(asked, Streams(seed))


def evaluated(field, spin, coefficients, points):
    """Return the values [..., points, 2s+1] of a field at unit vectors."""
    harmonics = spherical_harmonics(max(n for n, _ in field), points)
    values, start = 0.0, 0
    for n, ir in field:
        tensor = np.sqrt(ir.dim) * wigner_3j(n, spin, ir.l)
        part = coefficients[..., start : start + ir.dim]
        values = values + np.einsum(
            "mak,pm,...k->...pa", tensor, harmonics[:, n * n : (n + 1) ** 2], part
        )
        start += ir.dim
    return values


@pytest.mark.parametrize("asked", PROBLEMS, ids=name_of)
def test_oracle_is_the_closed_form(asked, distance):
    arrays = draw(asked)
    assert FAMILY.check(asked) is None and OPERATION.supports(asked) is None
    first, second, out = irreps_of(asked)
    in1, in2, in3 = first.slices(), second.slices(), out.slices()
    wanted = np.zeros(OPERATION.outputs(asked)["z"].shape)
    for (i1, i2, i3), value in OPERATION.coefficients(asked).items():
        degrees = first.items[i1][1].l, second.items[i2][1].l, out.items[i3][1].l
        x, y = arrays["x"][..., in1[i1]], arrays["y"][..., in2[i2]]
        wanted[..., in3[i3]] += value * np.einsum("ijk,...i,...j->...k", wigner_3j(*degrees), x, y)
    found = OPERATION.oracle(asked, arrays, {})["z"]
    assert distance(found, wanted) < 1e-12
    assert all(np.any(found[..., part]) for part in in3)


@pytest.mark.parametrize(
    ("values", "pointwise"),
    [
        (CROSS, lambda x, y: np.cross(x, y) / np.sqrt(2)),
        (DOT, lambda x, y: (x * y).sum(-1, keepdims=True) / np.sqrt(3)),
        (SCALE, lambda x, y: x * y),
    ],
    ids=["cross", "dot", "scale"],
)
def test_oracle_multiplies_the_fields_at_every_point(values, pointwise, distance):
    asked, points = small(values, 2), np.random.default_rng(1).standard_normal((6, 3))
    arrays = dict(draw(asked))
    arrays["z"] = OPERATION.oracle(asked, arrays, {})["z"]
    x, y, z = (
        evaluated(field, value.l, arrays[name], points)
        for name, field, value in zip("xyz", fields_of(asked), values_of(asked), strict=True)
    )
    assert distance(z, pointwise(x, y)) < 1e-13


def test_scalar_fields_give_the_gaunt_product(distance):
    for symmetry in ("o3", "so3"):
        asked, plain = small(SCALARS, 3, symmetry), of_functions("mimo", 3, symmetry)
        assert OPERATION.coefficients(asked) == pytest.approx(GAUNT.coefficients(plain), rel=1e-14)
    arrays = draw(PROBLEMS[-1])
    wanted = GAUNT.oracle(of_functions("mimo", 3, batch=3, channels=2), arrays, {})["z"]
    assert distance(OPERATION.oracle(PROBLEMS[-1], arrays, {})["z"], wanted) < 1e-13


@pytest.mark.parametrize("asked", PROBLEMS, ids=name_of)
def test_of_any_values(asked, agrees):
    agrees(OPERATION, asked)


def test_cross_product_of_polar_fields_is_axial():
    asked = small(CROSS, 1)
    arrays, spaces = draw(asked), FAMILY.inputs(asked)
    moved = {k: spaces[k].act(-np.eye(3), a) for k, a in arrays.items()}
    z, again = (OPERATION.oracle(asked, a, {})["z"] for a in (arrays, moved))
    polar = OPERATION.outputs(asked.with_sizes(value_out="1o"))["z"]
    axial = OPERATION.outputs(asked)["z"]
    np.testing.assert_allclose(again, axial.act(-np.eye(3), z), atol=1e-14)
    np.testing.assert_allclose(again, -polar.act(-np.eye(3), z), atol=1e-14)


@pytest.mark.parametrize("values", list(SPINS), ids=["cross", "scale", "dot", "scalars"])
def test_couples_triples_of_total_degrees(values):
    """Over all l = |j-s| .. j+s: the cross product misses (0,0,0), scaling and dot none."""
    missed, triples = [], 0
    for j1, j2 in product(range(5), repeat=2):
        for j3 in range(abs(j1 - j2), j1 + j2 + 1):
            triples += 1
            total = (j1, j2, j3)
            ranges = (
                range(abs(j - s), j + s + 1) for j, s in zip(total, SPINS[values], strict=True)
            )
            if not any(
                signal_coefficient(orbital, SPINS[values], total) for orbital in product(*ranges)
            ):
                missed.append(total)
    assert triples == 85
    if values == SCALARS:
        assert missed == [t for t in missed if sum(t) % 2] and len(missed) == 30
    else:
        assert missed == ([(0, 0, 0)] if values == CROSS else [])


def by_total_degree(values, lmax):
    """Return coefficients and labels with j <= lmax, lmax, 2 lmax and all l = |j-s| .. j+s."""
    asked = problem(values, lmax + 1, "so3").with_sizes(lout=2 * lmax + 1)
    fields, caps = fields_of(asked), (lmax, lmax, 2 * lmax)
    kept = [
        [i for i, (_, ir) in enumerate(field) if ir.l <= cap]
        for field, cap in zip(fields, caps, strict=True)
    ]
    places = [{i: n for n, i in enumerate(part)} for part in kept]
    coefficients = {
        tuple(place[i] for place, i in zip(places, path, strict=True)): value
        for path, value in OPERATION.coefficients(asked).items()
        if all(i in place for place, i in zip(places, path, strict=True))
    }
    parts = zip(fields, kept, strict=True)
    return coefficients, [[field[i][1] for i in part] for field, part in parts]


@pytest.mark.parametrize(
    ("values", "dims", "spans"),
    [
        (CROSS, (5, 18, 33, 45), (5, 18, 43, 84)),
        (SCALE, (6, 17, 27, 37), (6, 19, 44, 85)),
        (DOT, (6, 15, 23, 31), (6, 19, 44, 85)),
        (SCALARS, (5, 9, 13, 17), (5, 14, 30, 55)),
    ],
    ids=["cross", "scale", "dot", "scalars"],
)
def test_dimensions_with_a_cutoff_of_total_degrees(values, dims, spans):
    for lmax, dim, span in zip((1, 2, 3, 4), dims, spans, strict=True):
        coefficients, parts = by_total_degree(values, lmax)
        rank = reachable_dimension(coefficients, *parts)
        assert (rank.value, rank.verdict) == (dim, "certain")
        assert span_dimension(coefficients, *parts) == span


@pytest.mark.parametrize(
    ("values", "symmetry", "dims", "spans"),
    [
        (CROSS, "so3", (13, 25, 37), (15, 39, 79)),
        (CROSS, "o3", (13, 25, 37), (26, 86, 195)),
        (SCALE, "so3", (10, 21, 31), (10, 28, 60)),
        (SCALE, "o3", (11, 21, 31), (13, 42, 97)),
        (DOT, "so3", (9, 17, 25), (14, 38, 78)),
        (DOT, "o3", (9, 17, 25), (16, 51, 114)),
    ],
)
def test_dimensions_with_a_cutoff_of_orbital_degrees(values, symmetry, dims, spans):
    for lmax, dim, span in zip((1, 2, 3), dims, spans, strict=True):
        asked = problem(values, lmax, symmetry)
        parts = [labels(irreps) for irreps in irreps_of(asked)]
        coefficients = OPERATION.coefficients(asked)
        rank = reachable_dimension(coefficients, *parts)
        assert (rank.value, rank.verdict) == (dim, "certain")
        assert span_dimension(coefficients, *parts) == span
        missed = [t for t, found in interactability(coefficients, *parts).items() if not found]
        assert values != SCALE or not missed


@pytest.mark.parametrize("setting", ["mimo", "dot", "scale"])
@pytest.mark.parametrize("symmetry", ["o3", "so3"])
def test_measured_coefficients_are_the_derived_ones(symmetry, setting):
    asked = FAMILY.pose(1, setting=setting, symmetry=symmetry)
    parts = [labels(irreps) for irreps in irreps_of(asked)]
    call = grid(asked, backends.load("numpy", asked, Target()), {}).call

    def evaluate(x, y):
        return call({"x": x[:, None], "y": y[:, None]}, {})["z"][:, 0]

    blocks = bilinear_blocks(evaluate, *parts)
    assert blocks.defect < 1e-13
    assert compare(blocks, OPERATION.coefficients(asked)).agree


def test_uncoupling_is_orthogonal():
    for spin, degree in product(range(4), repeat=2):
        matrix = uncoupling(spin, degree)
        assert matrix.shape == ((2 * spin + 1) * (2 * degree + 1),) * 2
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(len(matrix)), atol=1e-14)


def test_one_point_fewer_is_detected(distance):
    asked = small(CROSS, 2)
    arrays = draw(asked)
    wanted = OPERATION.oracle(asked, arrays, {})["z"]

    def error(points):
        return distance(
            on_grid(asked, backends.load("numpy", asked, Target()), points).call(arrays, {})["z"],
            wanted,
        )

    degree = sum(cutoffs_of(asked))
    assert degree == 4 * 2
    exact = gauss_legendre(degree)
    assert error(exact) < 1e-13
    nodes, weights = np.polynomial.legendre.leggauss(len(exact.cos_theta) - 1)
    assert error(replace(exact, cos_theta=nodes, theta_weights=weights)) > 0.01
    coarse = gauss_legendre(degree - 1)
    assert error(replace(exact, phi=coarse.phi, phi_weight=coarse.phi_weight)) > 0.01


def test_cost():
    asked = problem(CROSS, 0, channels=2, batch=5)
    assert OPERATION.cost(asked) == {"flops": 3.0 * 6 * 10, "bytes": 9.0 * 4 * 10}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (("1o", "1o", "3e"), "empty: values 1o x 1o do not couple to 3e (use a degree of 0 to 2"),
        (("1o", "1o", "1o"), "identically zero: the parity of 1o is not that of 1o x 1o (use"),
    ],
)
def test_refusals_name_the_reason(values, reason):
    assert str(OPERATION.supports(small(values, 1))).startswith(reason)


def test_parity_refusal_names_the_remedy():
    assert "use value_out=1e" in str(OPERATION.supports(small(("1o", "1o", "1o"), 1)))
