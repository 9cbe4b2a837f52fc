import numpy as np
import pytest

from impls.families.product import FAMILY, problem
from impls.problem import Problem
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
