"""Parallel channels: pinned dimensions, a closed form, selection rules in exact arithmetic."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from analysis.channels import PRIME, modular_rank, parallel_channels, selected_dimension
from analysis.rank import Rank
from analysis.reduced import labels
from impls.families.product import problem
from impls.registry import load
from impls.so3.irreps import degrees

PINNED = {
    ("gaunt", 1): (5,),
    ("gaunt", 2): (9, 14),
    ("gaunt", 3): (13, 25, 30),
    ("gaunt", 4): (17, 33, 48, 55),
    ("gaunt", 5): (21, 41, 60, 79, 91),
    ("gaunt", 6): (25, 49, 72, 95, 117, 139, 140),
    ("poisson_bracket", 2): (5,),
    ("poisson_bracket", 3): (9, 14),
    ("poisson_bracket", 4): (13, 25, 30),
    ("poisson_bracket", 5): (17, 33, 48, 55),
    ("poisson_bracket", 6): (21, 41, 60, 79, 91),
    ("matrix", 1): (5, 6),
    ("matrix", 2): (9, 17, 19),
    ("matrix", 3): (13, 25, 37, 44),
    ("matrix", 4): (17, 33, 49, 64, 77, 85),
    ("matrix", 5): (21, 41, 61, 80, 99, 116, 131, 146),
    ("matrix", 6): (25, 49, 73, 96, 119, 142, 162, 181, 200, 219, 225),
}  # fmt: skip


@pytest.fixture(scope="module")
def registry():
    return load()


def question(registry, name, lmax):
    """Return the coefficients of an operation, MIMO so3, and the irreps one by one."""
    operation = registry.operation(name)
    asked = problem("mimo", lmax, "so3", batch=1, dtype="float64")
    inputs = registry.family("product").inputs(asked)
    output = next(iter(operation.outputs(asked).values()))
    spaces = (inputs["x"], inputs["y"], output)
    return dict(operation.coefficients(asked)), tuple(labels(s.irreps) for s in spaces)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "lmax"), PINNED)
def test_dimension_by_channels(registry, name, lmax):
    coefficients, parts = question(registry, name, lmax)
    found = parallel_channels(coefficients, *parts)
    assert tuple(rank.value for rank in found.dimensions) == PINNED[name, lmax]
    assert found.verdict == "certain"
    assert found.channels == len(found.dimensions)
    assert found.dimension(99) == found.span == PINNED[name, lmax][-1]
    everything = (lmax + 1) * (2 * lmax**2 + 4 * lmax + 3) // 3
    assert found.full == everything
    assert found.complete == (found.channels if found.span == everything else None)
    assert (found.complete is not None) == (name == "matrix" and lmax < 6)
    # every irrep occurs once in x, y and z: the selection rules say it all
    for channels, dimension in enumerate(PINNED[name, lmax], 1):
        assert selected_dimension(coefficients, *parts, channels) == dimension


@pytest.mark.parametrize("lmax", [*range(1, 6), pytest.param(6, marks=pytest.mark.slow)])
def test_closed_form_of_gaunt(registry, lmax):
    # the s highest output degrees are exhausted, every other channel adds 4L+1-s parameters
    highest = [
        sum((i + j + 2 * lmax - s) % 2 == 0 and i + j >= 2 * lmax - s >= abs(i - j)
            for i in range(lmax + 1) for j in range(lmax + 1))
        for s in range(2 * lmax + 1)
    ]  # fmt: skip
    assert sum(highest) == comb(lmax + 2, 2) * (2 * lmax + 3) // 3
    found = parallel_channels(*unpack(question(registry, "gaunt", lmax)))
    for channels, rank in enumerate(found.dimensions, 1):
        bound = min(
            sum(highest[:s]) + channels * max(4 * lmax + 1 - s, 0) for s in range(2 * lmax + 2)
        )
        assert rank.value == min(bound, sum(highest))


def unpack(pair):
    return pair[0], *pair[1]


def test_clebsch_gordan_needs_one(registry):
    found = parallel_channels(*unpack(question(registry, "clebsch_gordan", 3)))
    assert [rank.value for rank in found.dimensions] == [44]
    assert found.channels == found.complete == 1


def test_no_number_of_channels_is_asked_for_more_than_wanted(registry):
    arguments = unpack(question(registry, "matrix", 3))
    found = parallel_channels(*arguments, most=2)
    assert [rank.value for rank in found.dimensions] == [13, 25]
    assert found.channels is None and found.complete is None
    with pytest.raises(ValueError, match="at least 1, not 0"):
        parallel_channels(*arguments, most=0)


def test_nothing_reached_saturates_at_once():
    vector = labels("1")
    found = parallel_channels({}, vector, vector, vector)
    assert found.dimensions == (Rank(0, float("inf")),)
    assert (found.channels, found.complete, found.full) == (1, None, 1)


def test_copies_of_the_wanted_maps():
    # two copies of each irrep wanted: 40 after two channels of Gaunt at lmax 2, 112 in all
    parts = labels(str(degrees(range(3)))), labels(str(degrees(range(3)))), labels("0+1+2+3+4")
    even = {
        (i, j, k): 1.0 for i in range(3) for j in range(3) for k in range(abs(i - j), i + j + 1, 2)
    }
    found = parallel_channels(even, *parts, copies=2, most=2)
    assert [rank.value for rank in found.dimensions] == [20, 40]
    assert (found.span, found.full) == (112, 152)


def test_special_coefficients_fall_below_the_selection_rules():
    # two equal vectors into two scalars by a matrix of rank one: 4 products, one of them free
    parts = labels("2x1"), labels("1"), labels("2x0")
    special = {(0, 0, 0): 1.0, (1, 0, 0): 2.0, (0, 0, 1): 3.0, (1, 0, 1): 6.0}
    assert parallel_channels(special, *parts, copies=2).dimensions[0].value == 4
    assert selected_dimension(special, *parts) == 1  # one copy of each is wanted
    with pytest.raises(ValueError, match="forbidden"):
        selected_dimension({(0, 0, 0): 1.0}, labels("1o"), labels("1o"), labels("1o"))


def test_ranks_modulo_a_prime_are_exact():
    rng = np.random.default_rng(0)
    for rank in (0, 1, 3, 6):
        left, right = rng.integers(-9, 10, (8, rank)), rng.integers(-9, 10, (rank, 6))
        product = (left @ right).astype(np.int64)
        assert modular_rank(product) == np.linalg.matrix_rank(product.astype(float))
    assert modular_rank(np.array([[1, PRIME], [0, PRIME]])) == 1
    assert modular_rank(np.array([[0, 1], [1, 0]])) == 2


def test_tiny_gaps_are_ambiguous():
    # the second path is at the edge of what counts as zero
    weak = Rank.of(np.diag([1.0, 2e-9, 8e-10]))
    assert (weak.value, weak.verdict) == (2, "ambiguous")
    assert Rank.generic([Rank(3, 1e9), Rank(3, 1e8)]) == Rank(3, 1e8)
    split = Rank.generic([Rank(3, 1e9), Rank(2, 1e8)])
    assert (split.value, split.gap, split.verdict) == (3, 1e9, "ambiguous")
