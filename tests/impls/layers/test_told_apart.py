"""Environments that layers tell apart, by what they are: products of irreps, or lengths alone."""

import pytest

from analysis.discrimination import pairs
from analysis.surroundings import compare
from impls.families.points import FAMILY, ask, irreps_of
from impls.layers.segnn.operation import OPERATION as SEGNN
from impls.layers.so3krates.operation import OPERATION as SO3KRATES

PAIRS = {pair.name: pair for pair in pairs()}


def told_apart(operation, name, lmax, judge, layers=1, parity=True):
    """Tell whether the oracle tells a pair apart; its control must not be."""
    pair, names = PAIRS[name], [f"{n}{'eo'[n % 2] if parity else ''}" for n in range(lmax + 1)]
    copies, count = 2 * lmax if operation is SO3KRATES else 1, len(pair.first)
    problem = ask(
        irreps_node="+".join(copies * names[:1] + names[1:]), irreps_edge="+".join(names),
        data=f"loose:{count + 1}x{count}", channels=2, dtype="float64",
    )  # fmt: skip
    assert operation.supports(problem) is None
    _, weights = judge.draw(FAMILY, operation, problem)

    def layer(inputs):
        return operation.oracle(problem, inputs, weights)["z"]

    found = compare(layer, irreps_of(problem)[::2], 2, pair, layers)
    assert found.sound
    assert not 1e-12 < found.distance < 1e-6, "neither rounding nor a difference"
    return found.distinguishes


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("lmax", [1, 2, 3, 4])
def test_equal_distances_and_angles_are_not_told_apart_by_lengths_of_vectors(lmax, layers, judge):
    """The homometric pair, however many degrees: no irrep meets another."""
    assert not told_apart(SO3KRATES, "homometric", lmax, judge, layers)


@pytest.mark.parametrize(("lmax", "found"), [(1, False), (2, True), (3, True)])
def test_products_of_irreps_tell_them_apart_from_degree_two_on(lmax, found, judge):
    """Three factors in one layer: of one vector there is nothing but its length.

    A second layer gates messages by how that vector lies along each edge, which is enough.
    """
    assert told_apart(SEGNN, "homometric", lmax, judge) == found
    assert told_apart(SEGNN, "homometric", lmax, judge, layers=2)


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("operation", [SEGNN, SO3KRATES], ids=lambda operation: operation.name)
def test_a_rotor_is_seen_to_turn_from_its_degree_on(operation, n, judge):
    """Which is in the angles of pairs: SO3krates does see these, with harmonics enough."""
    for lmax in range(1, n + 1):
        assert told_apart(operation, f"rotor_{n}", lmax, judge) == (lmax >= n)


@pytest.mark.parametrize("name", ["chiral_tetrahedron", "chiral_tetris"])
def test_mirror_images_are_told_apart_by_none_that_keeps_parity(name, judge):
    for operation in (SEGNN, SO3KRATES):
        assert not told_apart(operation, name, 2, judge)


def test_without_parity_products_see_handedness_and_lengths_do_not(judge):
    """Not of the tetrahedron: its directions sum to nothing, up to degree 2."""
    assert told_apart(SEGNN, "chiral_tetris", 2, judge, parity=False)
    assert not told_apart(SO3KRATES, "chiral_tetris", 2, judge, layers=3, parity=False)
