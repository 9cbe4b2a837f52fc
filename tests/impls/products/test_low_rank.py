"""Low-rank product: the map at a rank is exact, what the rank costs is measured and not judged."""

import numpy as np
import pytest

from bench.measuring.built_case import build
from bench.measuring.probes.gate import equiv, error
from bench.record.case import Case
from impls.families import product
from impls.families.product import FAMILY
from impls.implementation import Target
from impls.products.clebsch_gordan.operation import OPERATION as FULL
from impls.products.clebsch_gordan.operation import paths_of
from impls.products.low_rank.factors import RANK, coupling, decompose, factors, truncation
from impls.products.low_rank.operation import OPERATION
from impls.registry import Registry, load
from impls.streams import Streams

REGISTRY = load()


def implementation(name):
    return REGISTRY.implementation(f"low_rank.{name}")


def problem(setting, lmax, symmetry="so3", *, rank=None, **rest):
    asked = product.problem(setting, lmax, symmetry, **rest)
    return asked if rank is None else asked.at(rank=rank)


def small(lmax, symmetry="so3", rank=None):
    return problem("mimo", lmax, symmetry, rank=rank, channels=2, batch=5, dtype="float64")


PROBLEMS = {
    "so3": small(2),
    "o3": small(2, "o3", 10),
    "exact": small(1, "so3", 20),
    "custom": small(1, "o3", 3).with_sizes(irreps_in2="2e+1o", irreps_out="1o+2e+3o"),
}


def relative(found, wanted):
    assert found.shape == wanted.shape
    return np.abs(found - wanted).max() / np.abs(wanted).max()


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("EQUIBENCH_CACHE", str(tmp_path_factory.getbasetemp() / "tables"))


def test_tensor_is_the_sum_of_all_paths():
    asked = small(2)
    arrays = FAMILY.draw(asked, Streams(0))
    separate = FULL.oracle(asked, arrays, {})["z"]
    summed = np.zeros((5, 2, 25))
    for path in paths_of(asked):
        summed[..., path.ir3.l**2 : (path.ir3.l + 1) ** 2] += separate[..., path.out]
    found = np.einsum("ijk,bci,bcj->bck", coupling(asked), arrays["x"], arrays["y"])
    assert relative(found, summed) < 1e-13


@pytest.mark.parametrize(
    ("lmax", "symmetry", "whole", "truncated"),
    [(1, "so3", 0.41, 0.019), (2, "so3", 0.25, 0.036), (3, "so3", 0.19, 0.063),
     (1, "o3", 0.39, 0.0), (2, "o3", 0.025, 0.003), (3, "o3", 0.022, 0.019)],
)  # fmt: skip
def test_error_at_seven_terms_for_each_square_of_the_degree(lmax, symmetry, whole, truncated):
    asked = [problem(setting, lmax, symmetry) for setting in ("mimo", "truncated")]
    assert [RANK.of(p) for p in asked] == [7 * lmax**2] * 2
    assert [FAMILY.facets(p)["setting"] for p in asked] == ["mimo", "truncated"]
    found = [truncation(p) for p in asked]
    np.testing.assert_allclose(found, [whole, truncated], rtol=0.25, atol=2e-3)


@pytest.mark.parametrize(
    ("lmax", "symmetry", "ranks", "errors"),
    [
        (1, "so3", (5, 7, 9, 16), (0.654, 0.412, 0.197, 0)),
        (1, "o3", (5, 7, 9, 16), (0.589, 0.392, 0, 0)),
        (2, "so3", (7, 28, 56, 81), (0.841, 0.249, 0.003, 0)),
        (2, "o3", (7, 28, 56, 81), (0.779, 0.025, 0.002, 0)),
    ],
)
def test_error_falls_with_the_rank_to_zero(lmax, symmetry, ranks, errors):
    found = [truncation(small(lmax, symmetry, rank)) for rank in ranks]
    np.testing.assert_allclose(found, errors, rtol=0.1, atol=5e-3)
    assert found == sorted(found, reverse=True) and found[-1] == 0


def test_whole_tensor_can_be_along_any_axis():
    rng = np.random.default_rng(0)
    for shape in ((2, 3, 7), (7, 2, 3), (3, 7, 2)):
        tensor, parts = rng.standard_normal(shape), np.cumsum(shape)[:2]
        a, b, c = np.split(decompose(tensor, 8), parts)
        np.testing.assert_allclose(np.einsum("ir,jr,kr->ijk", a, b, c), tensor, atol=1e-14)


def test_factors_are_reproducible_and_stored(monkeypatch):
    asked = small(2, rank=5)
    first = factors(asked)
    again = decompose(coupling(asked), 5)
    np.testing.assert_allclose(np.concatenate(first), again, atol=1e-6)
    monkeypatch.setattr("impls.products.low_rank.factors.decompose", None)
    for a, b in zip(first, factors(asked), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("asked", PROBLEMS.values(), ids=PROBLEMS)
def test_at_any_rank(asked, agrees):
    agrees(OPERATION, asked)


def test_symmetry_is_lost_at_a_low_rank_and_returns_at_the_full_one(judge):
    errors = []
    for rank in (7, 28, 56, 81):
        asked = small(2, "o3", rank)
        arrays = judge.draw(FAMILY, OPERATION, asked)
        subgroups = FAMILY.group(asked).subgroups
        elements = [*subgroups["rotation"].sample(np.random.default_rng(5), 1), -np.eye(3)]
        terms = implementation("numpy_terms")
        errors.append(judge.symmetry(FAMILY, OPERATION, terms, asked, *arrays, elements))
    rotation, inversion = zip(*errors, strict=True)
    assert rotation[0] > 0.1 > rotation[1] > rotation[2] > 1e-4
    assert max(rotation[3], inversion[3]) < 1e-12


def test_gate_accepts_the_map_at_its_rank_and_only_reports_symmetry():
    assert OPERATION.inexact == ""
    assert OPERATION.exact == ()
    registry = Registry()
    for thing in (FAMILY, OPERATION, implementation("torch_terms")):
        registry.add(thing, __file__)
    built = build(Case(small(2), "low_rank.torch_terms", "grad", "eager", Target()), registry)
    assert all(reading.passed for reading in error(built))
    (rotation,) = equiv(built)
    assert rotation.value > 0.1
    assert not rotation.claimed and rotation.passed is None


@pytest.mark.parametrize("rank", [0, 2.5, True])
def test_a_rank_that_is_none_is_refused(rank):
    assert str(OPERATION.supports(small(1, rank=rank))).startswith(f"knob rank={rank}")


def test_ranks_of_a_sweep_end_where_nothing_is_left_out():
    for asked in PROBLEMS.values():
        ranks = RANK.values(asked.question)
        assert list(ranks) == sorted(ranks) and truncation(asked.at(rank=ranks[-1])) == 0
        assert truncation(asked.at(rank=ranks[-2])) > 0


def test_refusals_name_the_reason():
    empty = small(1, "o3").with_sizes(irreps_out="0o+1e+2o+5e")
    assert str(OPERATION.supports(empty.with_sizes(irreps_out="0o+2o"))).startswith(
        "empty: no path"
    )
    assert OPERATION.supports(empty) is None  # 1o x 1o holds 1e
