"""What a node knows of its neighbours: layers made by hand, controls that fail, a running one."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.discrimination import pairs
from analysis.surroundings import compare
from bench.measuring.built_case import build
from bench.measuring.probes.surroundings import hears, surroundings
from bench.record.case import Case
from impls.families.points import problem
from impls.implementation import Target
from impls.registry import load
from impls.so3.harmonics import spherical_harmonics
from impls.so3.irreps import Irreps

REGISTRY = load()
SCALAR = Irreps.parse("0e")
PAIRS = {pair.name: pair for pair in pairs()}


def power(lmax):
    """Return a layer that adds the lengths of sums of harmonics, weighted by distance."""

    def layer(a):
        r = np.linalg.norm(a["v"], axis=1)
        sums = np.exp(-r) @ spherical_harmonics(lmax, a["v"], "norm")
        return a["x"] + sum(sums[n**2 : (n + 1) ** 2] @ sums[n**2 : (n + 1) ** 2] for n in
                            range(lmax + 1))  # fmt: skip

    return layer


def handed(a):
    """Return what a layer adds that sums signed volumes of triples of neighbours."""
    r = np.linalg.norm(a["v"], axis=1)
    first, second, third = (r**power @ a["v"] for power in (0, 1, 2))
    return a["x"] + np.cross(first, second) @ third


@pytest.mark.parametrize(
    ("layer", "apart"),
    [
        (power(0), set()),
        (power(2), {"rotor_2"}),
        (power(4), {"rotor_2", "rotor_3", "rotor_4"}),
        (handed, {"chiral_tetrahedron"}),
    ],
)
def test_layers_made_by_hand_tell_apart_what_they_can(layer, apart):
    asked = [pair for pair in PAIRS.values() if pair.name != "chiral_tetris"]
    found = [compare(layer, (SCALAR, SCALAR), 2, pair) for pair in asked]
    assert all(verdict.sound for verdict in found)
    assert {verdict.pair for verdict in found if verdict.distinguishes} == apart


def test_a_layer_that_sees_the_frame_or_the_order_has_no_control():
    def frame(a):
        return a["x"] + a["v"].sum(0)[0]

    def order(a):
        return a["x"] + np.linalg.norm(a["v"][0])

    for layer in (frame, order):
        assert not compare(layer, (SCALAR, SCALAR), 1, PAIRS["chiral_tetrahedron"]).sound


def test_a_further_layer_meets_the_edges_again():
    """What is asked after two layers is not what one gives."""
    turns = []

    def layer(a):
        turns.append(a["x"].copy())
        return 2 * a["x"]

    compare(layer, (SCALAR, SCALAR), 1, PAIRS["rotor_2"], layers=2)
    assert len(turns) == 6 and np.array_equal(turns[1], 2 * turns[0])


def test_questions_without_an_answer_are_refused():
    vector, both = Irreps.parse("1o"), Irreps.parse("0e+1o")
    for irreps, layers in (((vector, SCALAR), 1), ((SCALAR, both), 2), ((SCALAR, SCALAR), 0)):
        with pytest.raises(ValueError, match="ask for"):
            compare(power(1), irreps, 1, PAIRS["rotor_2"], layers)


def test_it_is_asked_of_layers_that_hear_of_neighbours_alone():
    names = {name for name, operation in REGISTRY.operations.items() if hears(operation)}
    assert {"nequip_layer", "painn_layer", "segnn_layer", "so3krates_layer"} <= names
    assert not names & {"channelwise", "egnn_layer", "allegro_layer", "aggregation", "gate"}


@pytest.mark.parametrize("name", ["painn_layer", "segnn_layer", "so3krates_layer"])
def test_of_vectors_alone_no_layer_tells_these_apart(name):
    """Up to degree 1 what is summed over neighbours is one vector and what distances say.

    A second layer meets that vector at each edge again. Messages that are linear in it make no more
    of it; those of SEGNN are not, and know of angles beyond their degree.
    """
    numpy = next(i for i in REGISTRY.implementations_of(name) if i.framework == "numpy")
    asked = problem("truncated", 1, data="lattice:9x4", channels=2, dtype="float64")
    case = Case(asked, numpy.full_name, "fwd", "eager", Target())
    readings = list(surroundings(build(case, REGISTRY)))
    assert len(readings) == 2 * len(PAIRS) and all(r.passed for r in readings)
    told = {(r.detail["pair"], r.detail["layers"]) for r in readings if r.detail["distinguishes"]}
    told.discard(("rotor_5", 2))  # by how much falls with n
    seen = ("homometric", "degenerate", "rotor_2", "rotor_3", "rotor_4")
    assert told == ({(pair, 2) for pair in seen} if name == "segnn_layer" else set())
