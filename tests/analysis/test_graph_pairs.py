"""Pairs of graphs that look alike: what they have in common, planted networks, running layers."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.graph_pairs import compare, pairs, refinement
from bench.measuring.built_case import build
from bench.measuring.probes.graph_pairs import graph_pairs, repeats
from bench.record.case import Case
from impls.families.graphs import ask
from impls.implementation import Target
from impls.registry import load

REGISTRY = load()
PAIRS = {pair.name: pair for pair in pairs()}
EVERY = set(PAIRS)


def walks(a, steps):
    """Return how many closed walks of so many steps there are from each node, in order."""
    return np.sort(np.diag(np.linalg.matrix_power(a.astype(int), steps)))


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_both_are_graphs_that_the_test_of_nodes_takes_for_the_same(name):
    pair = PAIRS[name]
    for a in (pair.first, pair.second):
        assert np.array_equal(a, a.T) and set(np.unique(a)) == {0.0, 1.0} and not np.any(np.diag(a))
    assert pair.first.sum() == pair.second.sum()
    assert not refinement(pair.first, pair.second)


@pytest.mark.parametrize("name", sorted(EVERY - {"rook_shrikhande"}))
def test_no_order_of_the_nodes_makes_them_equal(name):
    """Closed walks differ, as the spectra do."""
    first, second = PAIRS[name].first, PAIRS[name].second
    assert any(not np.array_equal(walks(first, k), walks(second, k)) for k in range(3, 10))


def test_regular_graphs_of_the_same_parameters_differ_by_their_neighbourhoods():
    """The same spectrum: around a node are two triangles in one, and a hexagon in the other."""
    pair = PAIRS["rook_shrikhande"]
    around = []
    for a in (pair.first, pair.second):
        square = a @ a
        assert set(np.diag(square)) == {6} and set(square[a > 0]) == {2}
        assert set(square[(a == 0) & (np.eye(16) == 0)]) == {2}
        near = np.flatnonzero(a[0])
        around.append(walks(a[np.ix_(near, near)], 3).sum())
    assert around == [12, 0]


def test_refinement_sees_what_neighbours_of_neighbours_have():
    star, path = np.zeros((4, 4)), np.zeros((4, 4))
    star[0, 1:] = path[[0, 1, 2], [1, 2, 3]] = 1
    assert refinement(star + star.T, path + path.T)
    assert refinement(np.zeros((3, 3)), np.zeros((4, 4)))


def test_planted_networks_tell_apart_what_they_count():
    def degrees(a):
        return np.sort(a.sum(axis=2), axis=1)

    def first_row(a):
        return np.cumsum(a, axis=1)[:, 2]

    assert not any(compare(degrees, pair, 1).distance for pair in PAIRS.values())
    assert all(compare(degrees, pair, 1).control == 0 for pair in PAIRS.values())
    assert any(compare(first_row, pair, 1).control > 0.1 for pair in PAIRS.values())


ONE_STEP = {"c6_2c3", "csl_11", "csl_41", "k33_prism"}
"""Pairs whose ego nets of one step have other numbers of edges."""


@pytest.mark.parametrize(
    ("name", "knobs", "apart"),
    [
        ("ign_layer", {}, set()),
        ("ppgn_layer", {}, EVERY - {"rook_shrikhande"}),
        ("spen_layer", {}, ONE_STEP),
        ("spen_layer", {"hops": 2}, EVERY - {"k33_prism", "rook_shrikhande"}),
        ("spen_product_layer", {}, ONE_STEP | {"rook_shrikhande"}),
        ("spen_product_layer", {"hops": 2}, EVERY - {"rook_shrikhande"}),
    ],
)
def test_what_running_layers_tell_apart(name, knobs, apart):
    numpy = next(
        i for i in REGISTRY.implementations_of(name) if i.framework == "numpy"
    )  # fmt: skip
    asked = ask(5, 2, channels=8, batch=1, dtype="float64")
    case = Case(asked, numpy.full_name, "fwd", "eager", Target(), {}, knobs)
    readings = list(graph_pairs(build(case, REGISTRY)))
    assert {r.detail["pair"] for r in readings} == EVERY
    assert all(r.passed and r.detail["control"] < 1e-14 for r in readings)
    assert {r.detail["pair"] for r in readings if r.detail["distinguishes"]} == apart


def test_it_is_asked_of_layers_whose_features_go_in_again():
    names = {name for name, operation in REGISTRY.operations.items() if repeats(operation)}
    assert {"ign_layer", "ppgn_layer", "spen_layer", "spen_product_layer"} <= names
    assert not names & {"ign_linear", "gin_layer", "patch_embedding"}
