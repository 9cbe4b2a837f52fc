"""Coupling of triples: dynamic ranges of the literature, accidental zeros, the heat map."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.coupling import (
    accidental_zeros,
    antisymmetric,
    antisymmetric_share,
    dynamic_range,
    heat_map,
    sizes,
)
from analysis.reduced import interactability, labels
from impls.families.product import problem
from impls.registry import load
from impls.so3.irreps import Irrep

RANGES = {
    "gaunt": (3.6, 4.6, 5.6),
    "poisson_bracket": (4.5, 10.8, 20.3),
    "matrix": (3.9, 7.2, 10.1),
}
ACCIDENTAL = {(3, 5, 5), (5, 3, 5), (5, 5, 3)}


@pytest.fixture(scope="module")
def registry():
    return load()


def question(registry, name, lmax, truncated=False):
    operation = registry.operation(name)
    asked = problem("mimo", lmax, "so3", batch=1, dtype="float64")
    if truncated:
        asked = asked.with_sizes(irreps_out=asked.sizes["irreps_in1"])
    one = labels(str(asked.sizes["irreps_in1"]))
    output = next(iter(operation.outputs(asked).values()))
    return operation.coefficients(asked), (one, one, labels(output.irreps))


@pytest.mark.parametrize("name", RANGES)
def test_dynamic_range(registry, name):
    for lmax, expected in zip((2, 3, 4), RANGES[name], strict=True):
        coefficients, parts = question(registry, name, lmax)
        counting = [k for k in sizes(coefficients, *parts).values() if k]
        assert dynamic_range(counting) == pytest.approx(expected, abs=0.05)
    assert np.isnan(dynamic_range([]))


def test_accidental_zeros_of_matrices(registry):
    coefficients, parts = question(registry, "matrix", 5, truncated=True)
    coupled = interactability(coefficients, *parts)
    assert {tuple(ir.l for ir in t) for t in accidental_zeros(coupled)} == ACCIDENTAL
    for name in ("gaunt", "poisson_bracket", "clebsch_gordan"):
        coefficients, parts = question(registry, name, 5, truncated=True)
        assert accidental_zeros(interactability(coefficients, *parts)) == ()


def test_antisymmetric_paths(registry):
    coefficients, parts = question(registry, "matrix", 1)
    found = {triple: k for triple, k in sizes(coefficients, *parts).items() if k}
    odd = [tuple(ir.l for ir in triple) for triple in found if antisymmetric(triple)]
    assert odd == [(1, 1, 1)]
    even = [k for triple, k in found.items() if not antisymmetric(triple)]
    cross = next(k for triple, k in found.items() if antisymmetric(triple))
    expected = abs(cross) / np.sqrt(np.mean(np.square(even)))
    assert antisymmetric_share(found) == pytest.approx(expected)
    symmetric_only = {triple: k for triple, k in found.items() if not antisymmetric(triple)}
    assert np.isnan(antisymmetric_share(symmetric_only))


def test_the_largest_of_several_copies_counts_with_its_sign():
    parts = labels("2x1"), labels("1"), labels("0+1")
    found = sizes({(0, 0, 0): 1.0, (1, 0, 0): -3.0}, *parts)
    one, zero = Irrep(1, 0), Irrep(0, 0)
    assert found == {(one, one, zero): -3.0, (one, one, one): 0.0}


def test_heat_map(registry):
    coefficients, parts = question(registry, "gaunt", 2)
    found = heat_map(sizes(coefficients, *parts))
    assert len(found.rows) == 9 and [ir.l for ir in found.columns] == [0, 1, 2, 3, 4]
    assert found.rows == tuple(sorted(found.rows))
    assert np.count_nonzero(np.isfinite(found.values)) == 19
    assert np.count_nonzero(np.nan_to_num(found.values)) == 14
    row = found.rows.index((Irrep(1, 0), Irrep(1, 0)))
    np.testing.assert_array_equal(np.isnan(found.values[row]), [False] * 3 + [True] * 2)
    assert found.values[row, 1] == 0.0 < found.values[row, 2]
