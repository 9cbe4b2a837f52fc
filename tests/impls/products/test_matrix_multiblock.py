import numpy as np
import pytest

from analysis.expressivity import reachable_dimension, span_dimension
from analysis.reduced import interactability, labels
from impls.families.product import FAMILY, irreps_of, problem
from impls.problem import Problem
from impls.products.matrix.operation import OPERATION as SINGLE
from impls.products.matrix_multiblock.operation import (
    OPERATION,
    largest_block,
    multiblock_coefficient,
)
from impls.registry import load
from impls.so3.wigner import wigner_3j


def custom(first, second, out, channels=2, batch=3, dtype="float64"):
    sizes = {"irreps_in1": first, "irreps_in2": second, "irreps_out": out}
    return Problem("product", sizes | {"channels": channels, "batch": batch}, dtype=dtype)


PROBLEMS = [
    problem("mimo", 2, "o3", channels=2, batch=4, dtype="float64"),
    custom("2e+0e+1o", "3o+1o", "1o+0e+9o+4e"),  # 9o vanishes
    problem("mimo", 1, "so3", channels=1, batch=4, dtype="float64"),
    problem("mimo", 3, "so3", channels=1, batch=4, dtype="float64"),
    problem("simo", 3, "so3", channels=2, batch=4, dtype="float64"),
    problem("siso", 1, "o3", channels=2, batch=4, dtype="float64"),
    custom("1+1", "2", "1+3+2"),
    custom("0e", "0e", "0e"),
    custom("3", "5", "5"),  # where the single block vanishes
]


def name_of(asked):
    return " | ".join(str(asked.sizes[f"irreps_{side}"]) for side in ("in1", "in2", "out"))


def parts_of(asked):
    return [labels(irreps, parity=False) for irreps in irreps_of(asked)]


@pytest.mark.parametrize("asked", PROBLEMS, ids=name_of)
def test_of_any_irreps(asked, agrees):
    agrees(OPERATION, asked)


def test_coefficients_are_sums_of_traces():
    def trace(l1, l2, l3, a, b, c):
        tensors = [wigner_3j(a, b, l1), wigner_3j(b, c, l2), wigner_3j(a, c, l3)]
        return np.einsum("abi,bcj,ack,ijk->", *tensors, wigner_3j(l1, l2, l3), optimize=True)

    for degrees in ((1, 1, 1), (1, 2, 3), (2, 2, 1)):
        total = sum(
            trace(*degrees, a, b, c)
            for a in range(3)
            for b in range(3)
            for c in range(3)
            if abs(a - b) <= degrees[0] <= a + b
            and abs(b - c) <= degrees[1] <= b + c
            and abs(a - c) <= degrees[2] <= a + c
        )
        scale = np.sqrt(np.prod([2 * l + 1 for l in degrees]))  # noqa: E741
        assert multiblock_coefficient(*degrees, 2) == pytest.approx(scale * total, rel=1e-12)


def test_rotations_but_not_inversion(judge):
    asked = problem("mimo", 2, "o3", batch=3, dtype="float64")
    arrays = judge.draw(FAMILY, OPERATION, asked)
    dense = load().implementation("matrix_multiblock.numpy_dense")
    rotations = FAMILY.group(asked).subgroups["rotation"].sample(np.random.default_rng(2), 2)
    elements = [*rotations, -np.eye(3)]
    *held, inverted = judge.symmetry(FAMILY, OPERATION, dense, asked, *arrays, elements)
    assert OPERATION.exact == ("rotation",)
    assert max(held) < 1e-11 and inverted > 0.1


@pytest.mark.parametrize(("lmax", "dim", "span"), [(1, 5, 6), (2, 9, 19), (3, 13, 44)])
def test_dimensions(lmax, dim, span):
    asked = problem("mimo", lmax, "so3")
    coefficients, parts = OPERATION.coefficients(asked), parts_of(asked)
    rank = reachable_dimension(coefficients, *parts)
    assert (rank.value, rank.verdict) == (dim, "certain")
    assert span_dimension(coefficients, *parts) == span
    assert all(interactability(coefficients, *parts).values())


def test_is_not_the_single_block(runner, distance):
    assert "not the single-block product" in OPERATION.summary
    asked = problem("mimo", 2, "so3", batch=4, dtype="float64")
    arrays = runner.draw(asked)
    both = [operation.oracle(asked, arrays, {})["z"] for operation in (OPERATION, SINGLE)]
    assert distance(*both) > 0.1
    ratios = []
    for lmax in (2, 4, 6):
        flops = [o.cost(problem("mimo", lmax, "so3"))["flops"] for o in (OPERATION, SINGLE)]
        ratios.append(flops[0] / flops[1])
    assert ratios[0] > 2 and ratios[1] > 3 * ratios[0] and ratios[2] > 2 * ratios[1]


def test_largest_block():
    assert largest_block(problem("mimo", 3)) == 3
    assert largest_block(custom("1", "2", "1")) == 2


def test_cost():
    asked = custom("0", "0", "0", channels=2, batch=5, dtype="float32")
    assert OPERATION.cost(asked) == {"flops": 2.0 * (3 + 1) * 10, "bytes": 3.0 * 4 * 10}


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (custom("1", "1", "3"), "empty: no path of 1x1 x 1x1 ends in 1x3"),
    ],
)
def test_refusals_name_the_reason(asked, reason):
    refusal = OPERATION.supports(asked)
    assert refusal is not None and str(refusal).startswith(reason)
