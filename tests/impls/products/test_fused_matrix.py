import numpy as np
import pytest

from analysis.expressivity import reachable_dimension, span_dimension
from analysis.reduced import interactability, labels
from impls.families.product import irreps_of, problem
from impls.problem import Problem
from impls.products.fused_matrix.operation import OPERATION, PARTS, paths_of
from impls.products.matrix.operation import OPERATION as SINGLE
from impls.so3.irreps import Irreps


def custom(first, second, out, channels=2, batch=3, dtype="float64"):
    sizes = {"irreps_in1": first, "irreps_in2": second, "irreps_out": out}
    return Problem("product", sizes | {"channels": channels, "batch": batch}, dtype=dtype)


BOTH = custom("0e+1o+1e+2e", "0o+1o+2e", "0e+0o+1o+1e+2o+2e")  # both parities of a degree
PROBLEMS = [
    BOTH,
    problem("mimo", 2, "so3", channels=2, batch=4, dtype="float64"),
    problem("mimo", 1, "o3", channels=1, batch=4, dtype="float64"),
    problem("mimo", 3, "so3", channels=1, batch=4, dtype="float64"),
    problem("mimo", 3, "o3", channels=1, batch=4, dtype="float64"),
    problem("simo", 3, "so3", channels=2, batch=4, dtype="float64"),
    problem("siso", 2, "o3", channels=2, batch=4, dtype="float64"),
    custom("0e+1o", "2e", "1o+2e+2o+3o+1e"),
    custom("2+0+1", "3+1", "1+0+9+4"),  # 9 is out of reach and left out
    custom("0+3+5", "3+5", "5+3"),  # (3, 5, 5) vanishes
    custom("0e", "0e", "0e"),
]


def name_of(asked):
    return " | ".join(str(asked.sizes[f"irreps_{side}"]) for side in ("in1", "in2", "out"))


def parts_of(asked):
    first, second, _ = irreps_of(asked)
    return labels(first), labels(second), labels(OPERATION.outputs(asked)["z"].irreps)


@pytest.mark.parametrize("asked", PROBLEMS, ids=name_of)
def test_of_any_irreps(asked, agrees):
    agrees(OPERATION, asked)


def test_outputs_of_the_four_products_stand_apart():
    asked = problem("mimo", 1, "so3")  # even: degree 0, odd: degree 1
    assert OPERATION.outputs(asked)["z"].irreps == "1x0+1x1+1x1+1x0+1x1+1x2"
    asked = custom("0e+1o", "0e+1o", "0e+1o+1e+2e")
    assert OPERATION.outputs(asked)["z"].irreps == "1x0e+1x1o+1x1o+1x0e+1x1e+1x2e"


def test_the_four_products_add_up_to_the_single_block(runner, distance):
    asked = problem("mimo", 3, "so3", batch=4, dtype="float64")
    arrays = runner.draw(asked)
    z, out = OPERATION.oracle(asked, arrays, {})["z"], irreps_of(asked)[2]
    items = Irreps.parse(OPERATION.outputs(asked)["z"].irreps)
    total = np.zeros((4, 1, out.dim))
    for (_, ir), part in zip(items, items.slices(), strict=True):
        total[..., out.slices()[ir.l]] += z[..., part]
    assert distance(total, SINGLE.oracle(asked, arrays, {})["z"]) < 1e-13


@pytest.mark.parametrize(
    ("symmetry", "lmax", "dim", "span"),
    [
        *(("so3", n, *p) for n, p in enumerate([(6, 6), (16, 19), (26, 44), (36, 85)], 1)),
        *(("o3", n, *p) for n, p in enumerate([(5, 5), (11, 14), (17, 30), (23, 55)], 1)),
    ],
)
def test_dimensions(symmetry, lmax, dim, span):
    asked = problem("mimo", lmax, symmetry)
    coefficients, parts = OPERATION.coefficients(asked), parts_of(asked)
    rank = reachable_dimension(coefficients, *parts)
    assert (rank.value, rank.verdict) == (dim, "certain")
    assert span_dimension(coefficients, *parts) == span
    assert all(interactability(coefficients, *parts).values())


@pytest.mark.parametrize(("lmax", "dim"), [(1, 5), (2, 12), (3, 18), (4, 24)])
def test_dimensions_of_truncated_outputs(lmax, dim):
    irreps = "+".join(map(str, range(lmax + 1)))
    asked = custom(irreps, irreps, irreps)
    assert reachable_dimension(OPERATION.coefficients(asked), *parts_of(asked)).value == dim


def test_each_path_is_in_one_product():
    asked = problem("mimo", 3, "so3")
    assert tuple(paths_of(asked)) == PARTS
    assert sum(len(paths) for paths in paths_of(asked).values()) == 44


def test_cost():
    asked = custom("0", "0", "0", channels=2, batch=5, dtype="float32")
    assert OPERATION.cost(asked) == {"flops": 2.0 * (3 + 1) * 10, "bytes": 3.0 * 4 * 10}


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (custom("1", "1", "3"), "empty: no path of 1x1 x 1x1 ends in 1x3"),
        (custom("1o", "1o", "1o"), "empty: no path of 1x1o x 1x1o ends in 1x1o"),
        (problem("siso", 3, "o3"), "empty: no path of 1x3o x 1x3o ends in 1x3o"),
        (custom("3", "5", "5"), "identically zero: every 6j symbol {l1 l2 l3; j j j} is 0 at j=3"),
    ],
)
def test_refusals_name_the_reason(asked, reason):
    refusal = OPERATION.supports(asked)
    assert refusal is not None and str(refusal).startswith(reason)
