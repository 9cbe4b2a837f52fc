import numpy as np
import pytest

from impls.families.product import FAMILY, problem
from impls.implementation import Target
from impls.problem import Problem
from impls.products.clebsch_gordan.dense import BLOCKS, blocks_of
from impls.products.clebsch_gordan.operation import OPERATION, paths_of
from impls.products.clebsch_gordan.sparse import sparse_matrix
from impls.registry import load

REGISTRY = load()


def implementation(name):
    return REGISTRY.implementation(f"clebsch_gordan.{name}")


def custom(first, second, out, channels=2, batch=3, dtype="float64"):
    sizes = {"irreps_in1": first, "irreps_in2": second, "irreps_out": out}
    return Problem("product", sizes | {"channels": channels, "batch": batch}, dtype=dtype)


PROBLEMS = [
    problem(setting, lmax, symmetry, channels=1 + lmax % 2, batch=4, dtype="float64")
    for setting in ("siso", "simo", "mimo")
    for symmetry in ("so3", "o3")
    for lmax in (1, 2, 3)
    if (setting, symmetry, lmax % 2) != ("siso", "o3", 1)
] + [
    custom("0e+1o", "2e", "1o+2e+3o"),
    custom("2e+0e+1o+1e", "1e+2o", "3o+1e+0o+2e+2o"),
    custom("0+3", "1+1", "4+2"),
    custom("0e", "0e", "0e"),
]


def name_of(asked):
    return " | ".join(str(asked.sizes[f"irreps_{side}"]) for side in ("in1", "in2", "out"))


@pytest.mark.parametrize("asked", PROBLEMS, ids=name_of)
def test_of_any_irreps(asked, agrees):
    agrees(OPERATION, asked)


@pytest.mark.parametrize("asked", PROBLEMS, ids=name_of)
def test_sparse_matrix_of_any_irreps(asked, runner, distance):
    """It is not written in NumPy; PyTorch and JAX share the matrix."""
    arrays = runner.draw(asked)
    found = runner.value(implementation("torch_sparse"), asked, arrays)
    assert found.shape == OPERATION.outputs(asked)["z"].shape
    assert distance(found, OPERATION.oracle(asked, arrays, {})["z"]) < 1e-13


@pytest.mark.parametrize("block", ["row", "pair", "whole"])
def test_blocks_do_not_change_the_map(block, agrees):
    for asked in PROBLEMS[-4:]:
        agrees(OPERATION, asked, options={"block": block})


def test_an_unknown_block_is_refused():
    for name in ("numpy_dense", "torch_dense", "jax_dense"):
        with pytest.raises(ValueError, match="unknown block 'column': choose one of row, pair"):
            implementation(name).build(PROBLEMS[0], Target(), {"block": "column"})


def test_inversion_is_tested_for_o3():
    assert "inversion" in FAMILY.group(problem("mimo", 1, "o3")).subgroups


@pytest.mark.parametrize(
    ("symmetry", "counts"), [("so3", (6, 19, 44, 85)), ("o3", (5, 14, 30, 55))]
)
def test_number_of_paths(symmetry, counts):
    for lmax, count in enumerate(counts, 1):
        asked = problem("mimo", lmax, symmetry)
        assert len(paths_of(asked)) == len(OPERATION.coefficients(asked)) == count


def test_all_paths_are_an_isometry(runner):
    asked = problem("mimo", 3, "so3", batch=5, dtype="float64")
    arrays = runner.draw(asked)
    z = runner.value(implementation("numpy_dense"), asked, arrays)
    product = np.linalg.norm(arrays["x"], axis=-1) * np.linalg.norm(arrays["y"], axis=-1)
    np.testing.assert_allclose(np.linalg.norm(z, axis=-1), product, rtol=1e-13)


def test_number_of_nonzeros():
    found = [sparse_matrix(problem("mimo", lmax, "so3")).nnz for lmax in (1, 2, 3, 4)]
    assert found == [27, 244, 1132, 3741]
    found = [sparse_matrix(problem("mimo", lmax, "o3")).nnz for lmax in (1, 2, 3, 4)]
    assert found == [21, 162, 708, 2229]


def test_refusals_name_the_reason():
    refusal = OPERATION.supports(problem("siso", 3, "o3"))
    assert refusal is not None and "empty output" in str(refusal) and "parity" in str(refusal)
    assert OPERATION.supports(problem("siso", 3, "so3")) is None
    half = problem("mimo", 1, dtype="bfloat16")
    for name in ("numpy_dense", "torch_sparse"):
        assert "bfloat16" in str(implementation(name).supports(half, Target()))
    assert "cuda" in str(implementation("numpy_dense").supports(PROBLEMS[0], Target("cuda")))


@pytest.mark.parametrize("name", ["torch_sparse", "torch_dense"])
def test_degree_10_in_single_precision(name, runner, distance):
    asked = problem("mimo", 10, "so3", batch=2)
    arrays = runner.draw(asked)
    found = runner.value(implementation(name), asked, arrays)
    assert found.shape == (2, 1, 11**4)
    assert distance(found, OPERATION.oracle(asked, arrays, {})["z"]) < 1e-6


def test_numbers_held_by_the_dense_blocks():
    """Tables and largest outer product of a sample; "pair" makes none that is not of two irreps."""
    asked, dims = problem("mimo", 4, "so3"), range(1, 10, 2)
    squares = sum(d * d for d in dims)
    sizes = {}
    for block in BLOCKS:
        blocks, _ = blocks_of(asked, block)
        shapes = [b.matrix.shape for b in blocks]
        sizes[block] = sum(a * b for a, b in shapes), max(a for a, _ in shapes)
    assert sizes == {
        "pair": (squares**2, 9 * 9),
        "row": (squares * 25**2, 9 * 25),
        "whole": (25**4, 25**2),
    }
    sparse = sparse_matrix(asked)
    assert sparse.shape[1] == 25**2 and sparse.nnz < squares**2 / 4
