"""Which graphs are told apart: networks made by hand, controls that fail, running layers."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from analysis.graph_suites import compare
from bench.commands import analyse
from bench.measuring.built_case import build
from bench.measuring.probes import graph_suites as probe
from bench.measuring.probes.discrimination import ANALYSES, applies
from bench.record.case import Case
from impls.families.points import ask
from impls.implementation import Built, Implementation, Target
from impls.inputs import sets
from impls.inputs.graph6 import decode
from impls.registry import load

REGISTRY = load()
LINES = {
    "rings": [("EhEG", "EwCW")],
    "trees": [("CU", "Cs")],
    "cubic": [("KhCWKCBAH?w@", "KYCWKCBAH?w@")],
}
"""A ring of six nodes and two of three; a path and a star; the graph of Frucht and another in which
each of twelve nodes has three neighbours."""
PAIRS = {
    name: tuple((decode(one), decode(other)) for one, other in lines)
    for name, lines in LINES.items()
}
TINY = probe.Suite(
    sets.DataSet("tiny", "three pairs", "", "MIT", "here", ()), tuple(PAIRS), PAIRS.__getitem__
)
(DISCRIMINATION,) = ANALYSES


def walks(steps):
    """Return how many walks of so many steps come back to each node."""
    return lambda a: [np.diagonal(np.linalg.matrix_power(a.astype(float), steps))]


def test_networks_made_by_hand_tell_apart_what_they_can():
    ring, triangles = PAIRS["rings"][0]
    for steps, apart in ((1, False), (2, False), (3, True)):
        found = compare(walks(steps), ring, triangles, "rings", 1)
        assert found.sound and found.distinguishes is apart
    with pytest.raises(ValueError, match="graphs of 6 and 4 nodes are no pair"):
        compare(walks(2), ring, PAIRS["trees"][0][0], "", 1)


def test_a_network_that_sees_the_numbers_of_nodes_has_no_control():
    star = PAIRS["trees"][0][1]
    numbered = compare(lambda a: [a @ np.arange(len(a))], star, star, "", 1, seed=1)
    assert numbered.distance == 0 and not numbered.sound


def test_it_is_asked_of_layers_that_hear_of_the_graph_alone():
    asked = {name for name, one in REGISTRY.operations.items() if probe.hears_of_graphs(one)}
    assert {"gin_layer", "framed_gin_layer", "averaged_gin_layer"} <= asked
    assert not asked & {"nequip_layer", "aggregation", "gaunt", "frame_averaging"}
    assert all(applies(REGISTRY.operation(name)) for name in (*asked, "gaunt"))


def built(name):
    scalars = dict.fromkeys(("irreps_node", "irreps_edge", "irreps_out"), "0e")
    asked = ask(**scalars, data="lattice:2x1", channels=3, dtype="float64")
    return build(Case(asked, f"{name}.numpy_nodes", "fwd", "eager", Target()), REGISTRY)


def read(readings):
    """Return the lines of the answer, by category."""
    lines = DISCRIMINATION.read([asdict(reading) for reading in readings])
    return {line.get("category", line["suite"]): line for line in lines}


@pytest.mark.parametrize(
    ("name", "apart"),
    [
        ("gin_layer", {"rings": 0, "trees": 1, "cubic": 0}),
        ("framed_gin_layer", {"trees": 1, "cubic": 1}),
        ("averaged_gin_layer", {"trees": 1}),
    ],
)
def test_neighbours_are_not_told_apart_by_gin_and_orders_of_nodes_are(name, apart, monkeypatch):
    """What the frame has too many orders for, or all orders are too many of, is refused."""
    monkeypatch.setattr(probe, "suites", lambda: {"tiny": TINY})
    readings = list(probe.graph_suites(built(name)))
    assert [r.probe for r in readings] == [f"graph_suites.tiny.{category}" for category in PAIRS]
    assert {r.detail["category"]: r.value for r in readings if r.value is not None} == apart
    for reading in readings:
        if reading.value is None:
            assert f"tiny.{reading.detail['category']}.0" in reading.detail["unavailable"]
            assert reading.detail["refused"] == 1
        else:
            assert reading.passed and reading.detail["control"] < 1e-13
    lines = read(readings)
    assert {line["category"]: line["told_apart"] for line in lines.values()
            if "told_apart" in line} == apart  # fmt: skip
    skipped = {line["suite"] for line in lines.values() if line.get("status") == "skip"}
    assert skipped == {f"tiny.{category}" for category in set(PAIRS) - set(apart)}


def test_a_layer_that_sees_the_numbers_of_nodes_is_said(monkeypatch):
    def numbered(problem, target, options):
        def call(inputs, weights):
            z = np.zeros_like(inputs["x"])
            np.add.at(z, inputs["dst"], inputs["src"][:, None, None])
            return {"z": z}

        return Built(call)

    monkeypatch.setattr(probe, "suites", lambda: {"tiny": TINY})
    wrong = Implementation("gin_layer", "numbered", "numpy", numbered)
    readings = list(probe.graph_suites(replace(built("gin_layer"), implementation=wrong)))
    assert not any(reading.passed for reading in readings)
    assert "equal graphs differ" in read(readings)["cubic"]["reason"]


def test_where_a_suite_is_not_here_it_is_a_skip_with_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("EQUIBENCH_CACHE", str(tmp_path))
    (reading,) = probe.graph_suites(built("gin_layer"))
    assert reading.value is None
    assert "python -m bench data brec --from DIR" in reading.detail["unavailable"]
    assert read([reading])["brec"]["status"] == "skip"


def test_a_suite_that_comes_later_is_asked_then(monkeypatch):
    """What was measured without it has another key."""
    assert DISCRIMINATION.data == ("brec",)
    monkeypatch.setattr(analyse.sets, "named", lambda name: TINY.data)
    assert analyse._here(DISCRIMINATION) == {"data": ["brec"]}
    missing = replace(TINY.data, files=(sets.File("nothing.npy", "", ""),))
    monkeypatch.setattr(analyse.sets, "named", lambda name: missing)
    assert analyse._here(DISCRIMINATION) == {}


def test_an_output_of_the_shape_of_an_input_takes_its_place():
    x, src = np.zeros((3, 2)), np.arange(3)
    one, other = np.ones((3, 2)), np.full((3, 2), 2.0)
    assert probe.following({"x": x, "src": src}, {"z": one, "w": other}) == {"x": one}
    assert probe.following({"src": src}, {"z": one}) == {}
