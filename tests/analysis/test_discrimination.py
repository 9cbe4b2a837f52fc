"""What selection rules let a map tell apart: mirror images, equal distances, rotors, chains."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.discrimination import (
    Pair,
    chain_distance,
    chain_expected,
    compare,
    expected,
    moments,
    pairs,
)
from analysis.reduced import allowed, labels
from analysis.tower import Tower, slices
from bench.measuring.built_case import build
from bench.measuring.probes.discrimination import discrimination
from bench.record.case import Case
from impls.families.product import problem
from impls.implementation import Target
from impls.registry import load
from impls.so3.irreps import degrees, natural
from impls.so3.rotations import axis_angle, representation
from impls.so3.wigner import wigner_3j

PAIRS = {pair.name: pair for pair in pairs()}


def product_of(lmax, keep, parity=False, top=None):
    """Return (evaluate, labels, coupled) of the map that couples the triples that `keep` allows."""
    make = natural if parity else degrees
    inside = labels(make(range(lmax + 1)))
    out = labels(make(range((2 * lmax if top is None else top) + 1)))
    parts = inside, inside, out
    triples = [
        (a, b, c) for a in inside for b in inside for c in out if allowed(a, b, c) and keep(a, b, c)
    ]
    where = [dict(zip(part, slices(part), strict=True)) for part in parts]
    size = sum(ir.dim for ir in inside)

    def evaluate(x, y):
        z = np.zeros((len(x), sum(ir.dim for ir in out)))
        for a, b, c in triples:
            left, right = x[:, where[0][a]], y[:, where[1][b]]
            z[:, where[2][c]] += np.einsum("ni,nj,ijk->nk", left, right, wigner_3j(a.l, b.l, c.l))
        assert x.shape[1] == size
        return z

    return evaluate, parts, set(triples)


def every(*triple):
    return True


def even(a, b, c):
    return (a.l + b.l + c.l) % 2 == 0


def odd(a, b, c):
    return not even(a, b, c)


def seen(map_, name, order):
    evaluate, parts, coupled = map_
    found = compare(evaluate, parts, PAIRS[name], order)
    assert found.sound and found.distinguishes == expected(coupled, parts, PAIRS[name], order)
    return found.distinguishes


def test_chirality_needs_a_path_of_odd_degree_sum_and_three_moments():
    full, functions = product_of(2, every), product_of(2, even)
    for name in ("chiral_tetrahedron", "chiral_tetris"):
        assert not seen(full, name, 2) and seen(full, name, 3)
        assert not seen(functions, name, 2) and not seen(functions, name, 3)
        assert not seen(product_of(2, every, parity=True), name, 3)
    assert seen(product_of(1, every), "chiral_tetrahedron", 3)
    assert not seen(product_of(1, every), "chiral_tetris", 3)
    assert not seen(product_of(2, odd), "chiral_tetrahedron", 3)


@pytest.mark.parametrize("name", ["homometric", "degenerate"])
def test_equal_distances_need_three_moments_of_degree_two(name):
    for keep in (every, even):
        assert not seen(product_of(3, keep), name, 2)
        assert not seen(product_of(1, keep), name, 3)
        assert seen(product_of(2, keep), name, 3)


@pytest.mark.parametrize("name", ["homometric", "degenerate"])
def test_a_pair_with_equal_distances_is_not_congruent(name):
    first, second = PAIRS[name].first, PAIRS[name].second
    distances = [
        np.sort(np.linalg.norm(e[:, None] - e[None], axis=-1).ravel()) for e in (first, second)
    ]
    np.testing.assert_allclose(*distances, atol=1e-14)
    areas = [
        np.sort([np.linalg.norm(np.cross(b - a, c - a)) for a in e for b in e for c in e])
        for e in (first, second)
    ]
    assert np.max(np.abs(areas[0] - areas[1])) > 0.1


@pytest.mark.parametrize("n", [2, 3, 4])
def test_rotors_need_their_own_degree(n):
    assert not seen(product_of(n - 1, even), f"rotor_{n}", 2)
    assert not seen(product_of(n - 1, every), f"rotor_{n}", 3)
    assert seen(product_of(n, even), f"rotor_{n}", 2)


@pytest.mark.parametrize("length", [1, 2, 3, 4])
@pytest.mark.parametrize("keep", [every, even])
def test_chains_need_half_their_length_of_layers(length, keep):
    evaluate, parts, coupled = product_of(1, keep)
    for layers in range(1, 5):
        found = chain_distance(evaluate, parts, length, layers)
        assert found.sound
        assert found.distinguishes is (layers >= length // 2 + 1)
        assert chain_expected(coupled, length, layers) is found.distinguishes
    assert chain_expected(product_of(2, odd)[2], length, 4) is False
    assert chain_expected({t for t in coupled if t[2].l != 1}, length, 4) is None
    with pytest.raises(ValueError, match="at least 1"):
        chain_distance(evaluate, parts, 0, 1)


def test_equivalent_environments_are_not_told_apart_and_a_broken_map_is_not_sound():
    evaluate, parts, coupled = product_of(2, every)
    first = PAIRS["chiral_tetris"].first
    turned = Pair("same", first, first[::-1] @ axis_angle([1, 2, 3], 0.7).T, "a rotated copy")
    assert compare(evaluate, parts, turned, 3).distance < 1e-12
    assert not expected(coupled, parts, turned, 3)

    def broken(x, y):
        z = evaluate(x, y)
        z[:, 0] += x[:, 1] * y[:, 2]
        return z

    assert not compare(broken, parts, PAIRS["chiral_tetris"], 2).sound


def test_moments_turn_with_the_environment():
    inside = labels(degrees(range(4)))
    turn = axis_angle([1.0, -2.0, 0.5], 1.1)
    a = moments(PAIRS["chiral_tetris"].first, inside)
    moved = moments(PAIRS["chiral_tetris"].first @ turn.T, inside)
    matrix = representation(degrees(range(4)), turn)
    np.testing.assert_allclose(moved, a @ matrix.T, atol=1e-14)


def test_features_are_homogeneous_and_equivariant():
    evaluate, parts, _ = product_of(1, every)
    a = np.random.default_rng(0).standard_normal((3, 2, 4))
    turn = axis_angle([1.0, -2.0, 0.5], 1.1)
    matrix = representation(degrees(range(2)), turn)
    for degree in (1, 2, 3):
        runs = [
            Tower(evaluate, parts, 5, seed=3).features(x, degree, parts[0][1])
            for x in (a, a @ matrix.T)
        ]
        np.testing.assert_allclose(runs[1], runs[0] @ turn.T, atol=1e-12)
    linear = Tower(evaluate, parts, 5, seed=3).features(2 * a, 1, parts[0][1])
    once = Tower(evaluate, parts, 5, seed=3).features(a, 1, parts[0][1])
    np.testing.assert_allclose(linear, 2 * once)
    with pytest.raises(ValueError, match="at least 1"):
        Tower(evaluate, parts, 5).features(a, 0, parts[0][1])
    with pytest.raises(ValueError, match="one copy of each"):
        Tower(evaluate, (parts[0], parts[2], parts[2]), 5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "chiral"),
    [
        ("clebsch_gordan.numpy_dense", True),
        ("gaunt.torch_grid", False),
    ],
)
def test_running_implementations_agree_with_their_selection_rules(name, chiral):
    registry = load(())
    asked = problem("mimo", 2, "so3", batch=1, dtype="float64")
    readings = list(discrimination(build(Case(asked, name, "fwd", "eager", Target()), registry)))
    assert len(readings) == 22 and all(r.passed for r in readings)
    by_name = {r.probe: r.detail["distinguishes"] for r in readings}
    assert by_name["discrimination.chiral_tetrahedron.3"] is chiral
    assert by_name["discrimination.homometric.3"]
