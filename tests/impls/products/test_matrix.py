import numpy as np
import pytest

from impls.families.product import FAMILY, irreps_of, problem
from impls.implementation import Target
from impls.problem import Problem
from impls.products.matrix.dense import ROWS, conversion, padded
from impls.products.matrix.operation import OPERATION, block_of
from impls.registry import load


def custom(first, second, out, channels=2, batch=3, dtype="float64"):
    sizes = {"irreps_in1": first, "irreps_in2": second, "irreps_out": out}
    return Problem("product", sizes | {"channels": channels, "batch": batch}, dtype=dtype)


PROBLEMS = [
    problem(setting, lmax, symmetry, channels=1 + lmax % 2, batch=4, dtype="float64")
    for setting in ("siso", "simo", "mimo")
    for symmetry in ("so3", "o3")
    for lmax in (1, 2, 3)
] + [
    custom("0e+1o", "2e", "1o+2e+3o"),
    custom("2e+0e+1o", "3o+1o", "1o+0e+9o+4e"),  # 9o vanishes
    custom("1+1", "2", "1+3+2"),
    custom("0e", "0e", "0e"),
    custom("0+3+5", "3+5", "5+3"),  # (3, 5, 5) vanishes
]


def name_of(asked):
    return " | ".join(str(asked.sizes[f"irreps_{side}"]) for side in ("in1", "in2", "out"))


@pytest.mark.parametrize("asked", PROBLEMS, ids=name_of)
def test_of_any_irreps(asked, agrees):
    agrees(OPERATION, asked)


def test_rotations_but_not_inversion(judge):
    asked = problem("mimo", 2, "o3", batch=3, dtype="float64")
    arrays = judge.draw(FAMILY, OPERATION, asked)
    dense = load().implementation("matrix.numpy_dense")
    rotations = FAMILY.group(asked).subgroups["rotation"].sample(np.random.default_rng(2), 2)
    elements = [*rotations, -np.eye(3)]
    *held, inverted = judge.symmetry(FAMILY, OPERATION, dense, asked, *arrays, elements)
    assert OPERATION.exact == ("rotation",)
    assert max(held) < 1e-12 and inverted > 0.1


def test_selection_rule():
    assert [len(OPERATION.coefficients(problem("mimo", n, "so3"))) for n in (1, 2, 3)] == [
        6,
        19,
        44,
    ]
    assert len(OPERATION.coefficients(problem("mimo", 2, "o3"))) == 19  # parity is ignored
    asked = custom("3", "5", "5+4")
    assert block_of(asked) == 3
    assert set(OPERATION.coefficients(asked)) == {(0, 0, 1)}


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (custom("1", "1", "3"), "empty: no path of 1x1 x 1x1 ends in 1x3"),
        (custom("3", "5", "5"), "identically zero: every 6j symbol {l1 l2 l3; j j j} is 0 at j=3"),
    ],
)
def test_refusals_name_the_reason(asked, reason):
    refusal = OPERATION.supports(asked)
    assert refusal is not None and str(refusal).startswith(reason)


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("lmax", [1, 4])
def test_padding_changes_the_matrices_and_not_the_map(rows, lmax, agrees, judge, distance):
    asked, options = problem("mimo", lmax, "so3", batch=5, dtype="float64"), {"rows": rows}
    agrees(OPERATION, asked, options=options)
    built = load().implementation("matrix.torch_dense").build(asked, Target(), options)
    size = max(rows, 2 * block_of(asked) + 1)
    assert f"{size} x {size} matrices" in built.kernel
    inputs, _ = judge.draw(FAMILY, OPERATION, asked)
    cotangents = {"z": np.random.default_rng(1).normal(size=OPERATION.outputs(asked)["z"].shape)}
    for name in ("matrix.torch_dense", "matrix.jax_dense"):
        dense = load().implementation(name)
        wanted, found = (
            judge.differentiated(dense, asked, inputs, {}, cotangents, turned)[1]
            for turned in ({}, options)
        )
        assert all(distance(found[k], wanted[k]) < 1e-12 for k in ("x", "y"))


def test_padding_is_zero_beyond_the_matrix():
    table = conversion(irreps_of(custom("0e+1o", "0e", "0e"))[0], 1)
    square = padded(table, 5).reshape(5, 5, -1)
    assert np.array_equal(square[:3, :3], table.reshape(3, 3, -1))
    assert not square[3:].any() and not square[:, 3:].any() and table.any()
    assert np.array_equal(padded(table, 0), table)
