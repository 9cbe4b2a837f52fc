"""Geometric bilinear: the algebra, its geometry, and the 9 linear maps."""

from dataclasses import replace

import numpy as np
import pytest

from impls.families.multivector import BLADES, FAMILY, GRADES, problem, representation
from impls.groups import euclidean, orthogonal
from impls.problem import Problem
from impls.products.clifford import bilinear_algebra as algebra
from impls.products.clifford.bilinear_operation import (
    OPERATION,
    geometric_product,
    join,
    linear,
)
from impls.registry import load
from impls.streams import Streams

REGISTRY = load()
ASKED = problem(channels=3, batch=5, dtype="float64")
GROUP = euclidean(orthogonal())
SUBGROUPS = ("rotation", "inversion", "translation")
EYE = np.eye(16)
E0, E1, E2, E3 = EYE[1:5]


def implementation(name):
    return REGISTRY.implementation(f"geometric_bilinear.{name}")


def elements(seed=1, n=3):
    rng = np.random.default_rng(seed)
    drawn = [g for name in SUBGROUPS for g in GROUP.subgroups[name].sample(rng, n)]
    return drawn + GROUP.sample(rng, n)


def commutant(group):
    """Eigenvalues, rising, and vectors of the sum of squares of M g - g M over a group."""
    square = np.zeros((256, 256))
    for g in group:
        matrix = representation(g)
        difference = np.kron(matrix, EYE) - np.kron(EYE, matrix.T)
        square += difference.T @ difference
    return np.linalg.eigh(square)


def point(p):
    """Where the planes e1 - p1 e0, e2 - p2 e0 and e3 - p3 e0 meet."""
    planes = [e - c * E0 for e, c in zip((E1, E2, E3), p, strict=True)]
    return geometric_product(geometric_product(planes[0], planes[1]), planes[2])


def test_algebra_of_the_oracle():
    """Anticommuting vectors with squares 0, 1, 1, 1, associative."""
    vectors = (E0, E1, E2, E3)
    for i, a in enumerate(vectors):
        for j, b in enumerate(vectors):
            both = geometric_product(a, b) + geometric_product(b, a)
            np.testing.assert_array_equal(both, 2 * (i == j) * (i > 0) * EYE[0])
    x, y, z = np.random.default_rng(0).standard_normal((3, 16))
    left = geometric_product(geometric_product(x, y), z)
    np.testing.assert_allclose(left, geometric_product(x, geometric_product(y, z)), atol=1e-13)
    for i, blade in enumerate(BLADES):
        word = EYE[0]
        for index in blade:
            word = geometric_product(word, vectors[index])
        np.testing.assert_array_equal(word, EYE[i])


def test_tables_of_the_implementations():
    product, joined = algebra.products()
    assert np.count_nonzero(product) == 192 and np.count_nonzero(joined) == 81
    x, y = np.repeat(EYE, 16, axis=0), np.tile(EYE, (16, 1))
    np.testing.assert_array_equal(product.reshape(256, 16), geometric_product(x, y))
    np.testing.assert_array_equal(joined.reshape(256, 16), join(x, y))
    u = np.random.default_rng(2).standard_normal((4, 1, 16))
    for row, matrix in zip(np.eye(9), algebra.maps(), strict=True):
        np.testing.assert_array_equal(linear(row[:, None, None], u), u @ matrix.T)


def test_points_planes_and_their_joins():
    """Incidence in coordinates: the join of three points is their plane, zero on a line."""
    rng = np.random.default_rng(3)
    p, q, s = rng.standard_normal((3, 3))
    wanted = EYE[14] - p[0] * EYE[13] + p[1] * EYE[12] - p[2] * EYE[11]
    np.testing.assert_allclose(point(p), wanted, atol=1e-15)
    plane = join(join(point(p), point(q)), point(s))
    normal = np.cross(q - p, s - p)
    np.testing.assert_allclose(np.cross(plane[2:5], normal), 0, atol=1e-13)
    assert np.linalg.norm(plane[2:5]) == pytest.approx(np.linalg.norm(normal))
    for on in (p, q, s):
        assert abs(plane[2:5] @ on + plane[1]) < 1e-13
    assert np.abs(plane[[0, *range(5, 16)]]).max() < 1e-13
    line = join(point(p), point(q))
    assert np.abs(join(line, point(0.3 * p + 0.7 * q))).max() < 1e-13
    assert abs(join(join(line, point(s)), point(q + s))[0]) > 1e-2  # four points: a volume


def test_group_moves_points_and_respects_products():
    x, y = np.random.default_rng(4).standard_normal((2, 16))
    p = np.array([0.3, -1.2, 0.5])
    for g in elements():
        matrix, sign = representation(g), np.linalg.det(g[:3, :3])
        moved = sign * point(g[:3, :3] @ p + g[:3, 3])
        np.testing.assert_allclose(matrix @ point(p), moved, atol=1e-12)
        np.testing.assert_allclose(
            geometric_product(matrix @ x, matrix @ y),
            matrix @ geometric_product(x, y),
            atol=1e-11,
        )
        np.testing.assert_allclose(
            join(matrix @ x, matrix @ y), sign * matrix @ join(x, y), atol=1e-11
        )
    first, second = elements()[-2:]
    np.testing.assert_allclose(
        representation(first @ second), representation(first) @ representation(second), atol=1e-12
    )


def test_nine_equivariant_linear_maps_and_no_more():
    """The null space of M g = g M over elements of E(3) has dimension 9, and is Lambda."""
    values, vectors = commutant(elements(5, n=2))
    assert np.count_nonzero(values < 1e-10) == 9 and values[9] > 1e-3
    maps = algebra.maps().reshape(9, 256)
    found = maps @ vectors[:, :9]
    np.testing.assert_allclose(found @ found.T, maps @ maps.T, atol=1e-10)


def test_without_translations_the_maps_would_be_sixteen():
    """Of O(3) the components are 4 + 4 pairs of equal irreps: e0 is then a label, no direction."""
    turns = [g for g in elements(6, n=2) if not np.any(g[:3, 3])]
    assert np.count_nonzero(commutant(turns)[0] < 1e-10) == 16


@pytest.mark.parametrize("name", ["torch_dense", "torch_blades"])
def test_gradients_move_by_the_inverse_transpose(name, judge, distance):
    inputs, weights = judge.draw(FAMILY, OPERATION, ASKED)
    spaces, c = FAMILY.inputs(ASKED), np.random.default_rng(11).standard_normal((5, 3, 16))

    def gradients(arrays, cotangent):
        return judge.differentiated(implementation(name), ASKED, arrays, weights, {"z": cotangent})[
            1
        ]

    plain = gradients(inputs, c)
    for g in elements(12, n=1):
        inverse = np.linalg.inv(representation(g))  # rows times it: the inverse transpose
        assert distance(spaces["x"].gradient().act(g, c), c @ inverse) < 1e-14
        moved = gradients({k: spaces[k].act(g, a) for k, a in inputs.items()}, c @ inverse)
        for key in "xy":
            assert distance(moved[key], plain[key] @ inverse) < 1e-12
        for key in weights:
            assert distance(moved[key], plain[key]) < 1e-12


def test_a_reference_that_does_not_turn_over_breaks_inversion():
    inputs, weights = (
        FAMILY.draw(ASKED, Streams(9)),
        {k: s.sample(np.random.default_rng(10)) for k, s in OPERATION.weights(ASKED).items()},
    )
    (g,) = GROUP.subgroups["inversion"].sample(np.random.default_rng(0), 1)
    act = FAMILY.inputs(ASKED)["x"].act
    moved = {k: act(g, a) if k in "xy" else a for k, a in inputs.items()}
    wanted = act(g, OPERATION.oracle(ASKED, inputs, weights)["z"])
    found = OPERATION.oracle(ASKED, moved, weights)["z"]
    assert np.abs(found - wanted).max() > 0.1 * np.abs(wanted).max()


def test_blades_multiply_no_zeros():
    """Numbers in the matrices of both maps: 9 x 16 x 16 against 8 + 16 for each two channels."""
    maps = algebra.maps()
    assert np.count_nonzero(maps) == 16 + 8
    assert OPERATION.cost(ASKED)["flops"] == 5 * (6 * 2 * 24 * 9 + 2 * 273 * 3 + 16 * 3)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (ASKED.with_sizes(batch=0), "size batch=0 is not a positive integer"),
        (Problem("multivector", {"batch": 3}), "missing ['channels']"),
        (replace(ASKED, data="edges"), "unknown data 'edges'"),
    ],
)
def test_family_refuses_by_name(asked, reason):
    assert reason in str(FAMILY.check(asked))


def test_facets_and_grades():
    assert FAMILY.facets(ASKED) == {"algebra": "G(3,0,1)", "channels": 3, "batch": 5}
    assert [part.stop - part.start for part in GRADES] == [1, 4, 6, 4, 1]
