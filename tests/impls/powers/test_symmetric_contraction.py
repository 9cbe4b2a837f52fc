"""Symmetric contraction: the basis is minimal and canonical."""

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest

from impls.families.feature import FAMILY, ask, irreps_of, nu_of
from impls.families.feature import power as problem
from impls.implementation import Target
from impls.powers.symmetric_contraction.dense import expansion, nested_tensors, tensors
from impls.powers.symmetric_contraction.monomials import basis_of
from impls.powers.symmetric_contraction.operation import (
    OPERATION,
    sectors_of,
    weights_per_output,
)
from impls.registry import load
from impls.so3.wigner import clebsch_gordan
from impls.streams import Streams

REGISTRY = load()


def implementation(name):
    return REGISTRY.implementation(f"symmetric_contraction.{name}")


def custom(inside, out, nu, channels=2, batch=3, dtype="float64"):
    counts = {"nu": nu, "channels": channels, "batch": batch}
    return ask(irreps_in=inside, irreps_out=out, dtype=dtype, **counts)


PROBLEMS = [
    problem(2, 2, 2, channels=3, batch=4, dtype="float64"),
    problem(3, 2, 1, "so3", channels=2, batch=4, dtype="float64"),
    problem(4, 1, 2, channels=1, batch=3, dtype="float64"),
    custom("2e+0e+1o+1e", "1e+2o+0e+1e", 3),  # unsorted, both parities, a repeated output
    custom("1+1", "1+2", 3),
]


def name_of(asked):
    return "^{nu} {irreps_in} | {irreps_out}".format(**asked.sizes)


@pytest.mark.parametrize(
    ("lmax", "nu", "natural", "pseudo"),
    [
        (1, 2, (2, 1, 1), (0, 0, 0)),
        (1, 3, (2, 2, 1), (0, 0, 0)),
        (2, 2, (3, 2, 3), (0, 0, 1)),
        (2, 3, (5, 5, 6), (0, 1, 2)),
        (2, 4, (9, 9, 13), (0, 2, 6)),
        (3, 2, (4, 3, 5), (0, 0, 2)),
        (3, 3, (8, 12, 14), (0, 4, 7)),
    ],
)
def test_number_of_weights_is_the_dimension_of_the_symmetric_maps(lmax, nu, natural, pseudo):
    asked = problem(nu, lmax, 2, dtype="float64")
    assert weights_per_output(asked) == natural
    assert weights_per_output(asked.with_sizes(irreps_out="0o+1e+2o")) == pseudo
    both = tuple(a + b for a, b in zip(natural, pseudo, strict=True))
    assert weights_per_output(problem(nu, lmax, 2, "so3")) == both


@pytest.mark.parametrize(
    ("lmax", "lout", "nested", "minimal"),
    [(1, 0, 4, 2), (2, 0, 11, 5), (3, 0, 23, 8), (3, 1, 51, 12), (3, 2, 65, 14)],
)
def test_nested_couplings_are_mostly_dependent(lmax, lout, nested, minimal):
    """Three factors, all of natural parity: every ordered chain, and their rank on samples."""
    vectors = np.random.default_rng(0).standard_normal((40, (lmax + 1) ** 2))
    parts = [vectors[:, n * n : (n + 1) ** 2] for n in range(lmax + 1)]
    values = []
    for a, b, c in product(range(lmax + 1), repeat=3):
        for between in range(abs(a - b), a + b + 1):
            if abs(between - c) <= lout <= between + c and (a + b + c + lout) % 2 == 0:
                tensors = clebsch_gordan(a, b, between), clebsch_gordan(between, c, lout)
                vector = np.einsum(
                    "bi,bj,bk,ijm,mkn->bn", parts[a], parts[b], parts[c], *tensors, optimize=True
                )
                values.append(vector.ravel())
    assert len(values) == nested
    everything = nested_tensors(problem(3, lmax, lout))
    assert everything[lout].shape[-1] == nested
    assert np.linalg.matrix_rank(np.array(values), tol=1e-9) == minimal
    assert weights_per_output(problem(3, lmax, lout))[lout] == minimal


@pytest.mark.parametrize("asked", PROBLEMS, ids=name_of)
def test_no_weight_is_idle(asked):
    asked = asked.with_sizes(channels=1, batch=60)
    spaces = OPERATION.weights(asked)
    inputs, count = FAMILY.draw(asked, Streams(0)), spaces["W"].shape[0]
    columns = [
        OPERATION.oracle(asked, inputs, {"W": np.eye(count)[:, [k]]})["z"].ravel()
        for k in range(count)
    ]
    values = np.linalg.svd(np.array(columns), compute_uv=False)
    assert count == sum(weights_per_output(asked)) and values[-1] > 1e-3 * values[0]


@pytest.mark.parametrize("asked", PROBLEMS, ids=name_of)
def test_basis_is_the_documented_one(asked):
    (inside, out), nu = irreps_of(asked), nu_of(asked)
    dense = tensors(basis_of(asked), inside.dim)
    for (_, ir3), tensor in zip(out, dense, strict=True):
        for order in permutations(range(1, nu + 1)):
            np.testing.assert_allclose(tensor, tensor.transpose(0, *order, nu + 1), atol=1e-13)
        flat = tensor.reshape(-1, tensor.shape[-1])
        np.testing.assert_allclose(flat.T @ flat, ir3.dim * np.eye(flat.shape[1]), atol=1e-12)
    start = [0] * len(out)
    for sector in sectors_of(asked):  # a positive component along a chain, none along earlier ones
        places = [inside.slices()[i] for i in sector.items]
        for count in range(sector.count):
            u = dense[sector.out][..., start[sector.out] + count]
            u = u[(slice(None), *places)]
            overlaps = []
            for chain in sector.chains:
                degrees = [inside.items[i][1].l for i in sector.items]
                tensor = clebsch_gordan(degrees[0], degrees[1], chain[0])
                for n, degree in enumerate(degrees[2:]):
                    tensor = np.tensordot(
                        tensor, clebsch_gordan(chain[n], degree, chain[n + 1]), axes=1
                    )
                overlaps.append(np.sum(np.moveaxis(tensor, -1, 0) * u))
            first = next(x for x in overlaps if abs(x) > 1e-9)
            assert first > 0
        start[sector.out] += sector.count


@pytest.mark.parametrize("asked", PROBLEMS, ids=name_of)
def test_nested_couplings_expand_to_the_basis(asked):
    """The symmetric part of their sums is U^eta; their tables have more numbers."""
    basis, nu = basis_of(asked), nu_of(asked)
    minimal, everything = tensors(basis, irreps_of(asked)[0].dim), nested_tensors(asked)
    for wanted, nested, table in zip(minimal, everything, basis.tables, strict=True):
        summed = nested @ expansion(nested, basis, table)
        orders = list(permutations(range(1, nu + 1)))
        average = sum(summed.transpose(0, *order, nu + 1) for order in orders) / len(orders)
        np.testing.assert_allclose(average, wanted, atol=1e-12)
    assert sum(t.size for t in everything) > sum(t.size for t in minimal)


def test_an_unknown_basis_is_refused():
    for name in ("torch_dense", "jax_dense"):
        with pytest.raises(ValueError, match="unknown basis 'all': choose one of minimal, nested"):
            implementation(name).build(PROBLEMS[0], Target(), {"basis": "all"})


@pytest.mark.parametrize("asked", PROBLEMS, ids=name_of)
def test_of_any_irreps(asked, agrees):
    agrees(OPERATION, asked)


@pytest.mark.parametrize("asked", PROBLEMS[1:], ids=name_of)
def test_nested_couplings_are_the_same_map(asked, agrees):
    assert implementation("numpy_dense").options == {"basis": ("minimal", "nested")}
    agrees(OPERATION, asked, options={"basis": "nested"})


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (problem(5, 1, 1), "nu=5: symmetric bases are built up to nu=4"),
        (problem(4, 5, 1), "82251 monomials of degree 4 in 36 components"),
        (problem(2, 2, 2).with_sizes(irreps_out="0o+2e+1e"), "identically zero: no equivariant"),
    ],
)
def test_refusals_name_the_reason(asked, reason):
    refusal = OPERATION.supports(asked)
    assert refusal is not None and str(refusal).startswith(reason)


def test_refusals_of_the_family_and_of_dense_tables():
    asked = problem(3, 2, 1)
    assert FAMILY.check(asked) is None
    for sizes, reason in (
        ({"nu": 0}, "nu=0 is not a positive integer"),
        ({"nu": 2.5}, "not a positive integer"),
        ({"irreps_out": ""}, "irreps_out is empty"),
        ({"irreps_in": "2x1o"}, "multiplicities"),
        ({"irreps_in": "0+1"}, "mixed"),
        ({"rank": 3}, "unknown ['rank']"),
    ):
        assert reason in str(FAMILY.check(asked.with_sizes(**sizes)))
    assert "normal" in str(FAMILY.check(replace(asked, data="uniform")))
    assert "dense tables" in str(implementation("torch_dense").supports(problem(4, 3, 2), Target()))
    assert implementation("torch_dense").supports(asked, Target()) is None
