"""Products of 3 x 3 matrices: against the 6j symbols, and against `matrix` with j = 1."""

import numpy as np
import pytest

from analysis.expressivity import reachable_dimension, span_dimension
from analysis.reduced import labels
from impls.families.product import FAMILY, problem
from impls.problem import Problem
from impls.products.cartesian_matrix.dense import basis
from impls.products.cartesian_matrix.operation import OPERATION, coefficients
from impls.products.matrix.operation import OPERATION as MATRIX
from impls.products.matrix.operation import block_of
from impls.so3.rotations import random_rotations, representation
from impls.so3.wigner import clebsch_gordan
from impls.streams import Streams


def custom(first, second, out, channels=2, batch=3, dtype="float64"):
    sizes = {"irreps_in1": first, "irreps_in2": second, "irreps_out": out}
    return Problem("product", sizes | {"channels": channels, "batch": batch}, dtype=dtype)


O3 = custom("0e+1o+2e", "0e+1o+2e", "0e+1o+2e")
SO3 = custom("0+1+2", "0+1+2", "0+1+2")
PROBLEMS = [
    O3,
    SO3,
    problem("siso", 2, "o3", channels=2, batch=4, dtype="float64"),
    problem("mimo", 1, "o3", batch=4, dtype="float64"),
    problem("simo", 1, "so3", batch=4, dtype="float64"),
    custom("2e+0e", "1o", "1o+2e+0e"),  # 2e and 0e vanish
    custom("1+1", "2", "1+2"),
]


def name_of(asked):
    return " | ".join(str(asked.sizes[f"irreps_{side}"]) for side in ("in1", "in2", "out"))


@pytest.mark.parametrize("asked", PROBLEMS, ids=name_of)
def test_of_any_irreps(asked, agrees):
    agrees(OPERATION, asked)


def test_the_plain_product_would_break_inversion(distance):
    """Why parity needs the anticommutator: 2 X Y read as 0e+1o+2e is not equivariant."""
    arrays = FAMILY.draw(SO3, Streams(0))
    space = OPERATION.outputs(O3)["z"]
    act = FAMILY.inputs(O3)["x"].act
    value = OPERATION.oracle(SO3, arrays, {})["z"]
    moved = OPERATION.oracle(SO3, {k: act(-np.eye(3), a) for k, a in arrays.items()}, {})["z"]
    assert distance(moved, space.act(-np.eye(3), value)) > 0.1


def test_11_even_and_4_odd_paths_of_the_matrix_product_with_j_1(distance):
    assert len(coefficients(O3)) == 11 and len(coefficients(SO3)) == 15
    odd = {path: w for path, w in coefficients(SO3).items() if path not in coefficients(O3)}
    assert len(odd) == 4 and all(sum(path) % 2 for path in odd)
    assert block_of(SO3) == block_of(O3) == 1
    arrays = FAMILY.draw(SO3, Streams(3))
    found = OPERATION.oracle(SO3, arrays, {})["z"]
    assert distance(found, 2 * MATRIX.oracle(SO3, arrays, {})["z"]) < 1e-14
    swapped = MATRIX.oracle(SO3, {"x": arrays["y"], "y": arrays["x"]}, {})["z"]
    even = MATRIX.oracle(SO3, arrays, {})["z"] + swapped
    assert distance(OPERATION.oracle(O3, arrays, {})["z"], even) < 1e-14


def test_dimension():
    parts = (labels("0e+1o+2e"),) * 3
    assert reachable_dimension(coefficients(O3), *parts).value == 7
    assert span_dimension(coefficients(O3), *parts) == 11


@pytest.mark.parametrize("degree", range(3))
def test_matrices_are_those_of_the_coupling_of_two_vectors(degree):
    found = basis(degree)
    wanted = clebsch_gordan(1, 1, degree)
    np.testing.assert_allclose(found, np.moveaxis(wanted, 2, 0), atol=1e-14)
    np.testing.assert_allclose(
        found.reshape(-1, 9) @ found.reshape(-1, 9).T, np.eye(2 * degree + 1), atol=1e-14
    )


def test_rotating_components_rotates_the_matrix():
    full = np.concatenate([basis(degree) for degree in range(3)])
    x = np.random.default_rng(4).standard_normal(9)
    rotation = random_rotations(np.random.default_rng(5), 1)[0]
    matrix = np.einsum("m,mij->ij", x, full)
    moved = np.einsum("m,mij->ij", representation("0+1+2", rotation) @ x, full)
    np.testing.assert_allclose(moved, rotation @ matrix @ rotation.T, atol=1e-13)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (problem("mimo", 2), "irreps_out=1x0e+1x1o+1x2e+1x3o+1x4e: degree 4 does not fit"),
        (problem("siso", 3, "so3"), "irreps_in1=1x3: degree 3 does not fit into 3 x 3"),
        (custom("0e+1e", "1o", "1o"), "irreps_in1=1x0e+1x1e: 1e is not of natural parity"),
        (problem("siso", 1), "identically zero: l1+l2+l3 is odd for every path"),
        (custom("0", "2", "1"), "empty: no path of 1x0 x 1x2 ends in 1x1"),
    ],
)
def test_refusals_name_the_reason(asked, reason):
    refusal = OPERATION.supports(asked)
    assert refusal is not None and str(refusal).startswith(reason)
