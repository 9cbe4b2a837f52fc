"""Families of features with multiplicities: sizes, arrays, facets, refusals."""

from dataclasses import replace

import numpy as np
import pytest

from impls.families.weighted import ALLEGRO_CUTOFF, FAMILY, allegro, ask, problem
from impls.inputs.graphs import graph
from impls.registry import load
from impls.so3.rotations import random_rotations, representation
from impls.streams import Streams

ELEMENTWISE = load().operation("uuu")
ASKED = problem("truncated", 2, mul=(3, 2, 4), batch=5)


def test_channels_of_the_two_inputs_are_axes_of_their_own():
    arrays = FAMILY.draw(ASKED, Streams(0))
    assert {k: a.shape for k, a in arrays.items()} == {"x": (5, 3, 9), "y": (5, 2, 9)}


def test_rotations_act_on_components_alone():
    rotation = random_rotations(np.random.default_rng(1), 1)[0]
    matrix = representation("0e+1o+2e", rotation)
    for space in FAMILY.inputs(ASKED).values():
        x = space.sample(np.random.default_rng(0))
        np.testing.assert_allclose(space.act(rotation, x), x @ matrix.T, atol=1e-12)


@pytest.mark.parametrize(
    ("setting", "outputs"),
    [
        ("siso", "1x2e"),
        ("simo", "1x0e+1x1o+1x2e+1x3o+1x4e"),
        ("mimo", "1x0e+1x1o+1x2e+1x3o+1x4e"),
        ("truncated", "1x0e+1x1o+1x2e"),
    ],
)
def test_settings_say_what_is_asked_for(setting, outputs):
    asked = problem(setting, 2)
    assert asked.sizes["irreps_out"] == outputs
    assert FAMILY.facets(asked)["setting"] == setting
    assert FAMILY.check(asked) is None


def test_facets():
    facets = FAMILY.facets(problem("mimo", 1, "so3", mul=(3, 2, 4), weights="per_sample", batch=5))
    assert facets == {
        "setting": "mimo",
        "symmetry": "so3",
        "lmax": 1,
        "mul1": 3,
        "mul2": 2,
        "mul3": 4,
        "batch": 5,
        "weights": "per_sample",
    }


def test_irregular_irreps_are_named():
    odd = {"irreps_in1": "1x1e", "irreps_out": "1x1o"}
    facets = FAMILY.facets(ASKED.with_sizes(**odd))
    assert (facets["setting"], facets["lmax"]) == ("custom", 2)
    assert facets["irreps"] == "1x1e | 1x0e+1x1o+1x2e | 1x1o"


def test_allegro_has_a_sample_for_each_edge_and_paths_of_both_kinds():
    asked = allegro()
    assert asked.sizes["batch"] == len(graph("silicon:2x2x2", ALLEGRO_CUTOFF).src) == 64 * 46
    assert FAMILY.facets(asked)["model"] == "allegro"
    assert "model" not in FAMILY.facets(allegro(channels=4))
    paths = len(ELEMENTWISE.coefficients(asked))
    assert paths == 11 + 4  # of 0..2 x 0..2 -> 0..2: even l1+l2+l3, and odd
    assert ELEMENTWISE.weights(asked)["w"].shape == (paths, 32)


def test_single_and_pose_have_one_channel_and_one_sample():
    posed = FAMILY.pose(2)
    assert FAMILY.single(problem("mimo", 2, "so3", dtype="float64")) == posed
    assert {k: a.shape for k, a in FAMILY.draw(posed, Streams(0)).items()} == {
        "x": (1, 1, 9),
        "y": (1, 1, 9),
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mul1": 0}, "mul1=0"),
        ({"mul3": True}, "mul3=True"),
        ({"batch": 1.5}, "batch=1.5"),
        ({"channels": 3}, "unknown ['channels']"),
        ({"weights": "none"}, "unknown weights 'none' (use shared or per_sample)"),
        ({"irreps_in1": "1y"}, "1y"),
        ({"irreps_in2": ""}, "irreps_in2 is empty"),
        ({"irreps_in1": "2x1o"}, "irreps_in1=2x1o: multiplicities"),
        ({"irreps_out": "1x1o+1x1o"}, "an irrep is repeated"),
        ({"irreps_in1": "1x1"}, "mixed"),
    ],
)
def test_bad_sizes_are_refused_by_name(changes, reason):
    assert reason in str(FAMILY.check(ASKED.with_sizes(**changes)))


def test_bad_data_and_arguments_are_refused():
    other = replace(ASKED, data="uniform")
    assert "unknown data 'uniform'" in str(FAMILY.check(other))
    with pytest.raises(ValueError, match="setting"):
        problem("all", 1)
    with pytest.raises(ValueError, match="symmetry"):
        problem("mimo", 1, "su2")
    with pytest.raises(ValueError, match="lmax"):
        problem("mimo", -1)
    with pytest.raises(ValueError, match="unknown model 'nequip'"):
        ask(model="nequip")


def test_channels_are_all_multiplicities_at_once():
    asked = ask("mimo", 1, channels=8)
    assert asked == problem("mimo", 1, mul=(8, 8, 8))
    assert ask(irreps_in1="0e+1o", irreps_out="0e", mul1=2).sizes["mul1"] == 2
    assert ask(model="allegro", structures="H2O", channels=2) == allegro("H2O", channels=2)


def test_allegro_s_structure_is_checked():
    with pytest.raises(ValueError, match="structure"):
        allegro("unobtainium")


def test_examples_are_distinct_and_pass():
    problems = FAMILY.examples
    names = {tuple(FAMILY.facets(p).items()) for p in problems}
    assert len(names) == len(problems) > 0
    assert all(FAMILY.check(asked) is None for asked in problems)
