"""Family positions: what is drawn, how the group moves it, and what is refused."""

import numpy as np
import pytest

from impls.families.positions import FAMILY, problem
from impls.problem import Problem
from impls.streams import Streams

ASKED = problem(1, nodes=11, neighbours=4, channels=2, dtype="float64")


def test_arrays_have_the_shapes_and_kinds_of_their_spaces():
    spaces, arrays = FAMILY.inputs(ASKED), FAMILY.draw(ASKED, Streams(0))
    assert {k: a.shape for k, a in arrays.items()} == {
        "x": (11, 2, 4),
        "r": (11, 3),
        "a": (44, 2),
        "src": (44,),
        "dst": (44,),
    }
    assert all(arrays[k].shape == space.shape for k, space in spaces.items())
    assert [space.kind for space in spaces.values()] == ["real"] * 3 + ["index"] * 2
    assert arrays["src"].dtype == arrays["dst"].dtype == np.int64
    assert all(a.flags.writeable for a in arrays.values())


def test_features_and_weights_are_drawn_and_positions_belong_to_the_problem():
    first, second = (FAMILY.draw(ASKED, Streams(seed)) for seed in (1, 2))
    for name in first:
        assert np.array_equal(first[name], second[name]) == (name in ("r", "src", "dst"))
    moved = Problem.from_json(ASKED.to_json() | {"seed": 1})
    assert not np.array_equal(FAMILY.draw(moved, Streams(1))["r"], first["r"])


@pytest.mark.parametrize("nodes", [2, 8, 27, 64])
def test_each_node_receives_from_its_nearest_neighbours(nodes):
    near = min(4, nodes - 1)
    asked = problem(1, nodes=nodes, neighbours=near)
    arrays = FAMILY.draw(asked, Streams(0))
    distances = np.linalg.norm(arrays["r"][:, None] - arrays["r"], axis=-1)
    assert np.sort(distances + np.diag(np.full(nodes, np.inf)), axis=None)[0] >= 0.5
    assert np.array_equal(arrays["dst"], np.repeat(np.arange(nodes), near))
    wanted = np.sort(distances, axis=1)[:, 1 : near + 1]
    found = distances[arrays["dst"], arrays["src"]].reshape(nodes, near)
    np.testing.assert_allclose(found, wanted, rtol=1e-14)
    assert np.abs(arrays["r"].mean(0)).max() < 1


@pytest.mark.parametrize("symmetry", ["o3", "so3"])
def test_actions_are_homomorphisms(symmetry):
    asked = problem(2, symmetry, nodes=5, neighbours=2, channels=1)
    rng = np.random.default_rng(3)
    group, spaces, arrays = (
        FAMILY.group(asked),
        FAMILY.inputs(asked),
        FAMILY.draw(asked, Streams(0)),
    )
    assert ("inversion" in group.subgroups) == (symmetry == "o3")
    assert group.name == {"o3": "E(3) x S_5", "so3": "SE(3) x S_5"}[symmetry]
    g, h = group.sample(rng, 2)
    for name, space in spaces.items():
        once = space.act(group.mul(g, h), arrays[name])
        np.testing.assert_allclose(once, space.act(g, space.act(h, arrays[name])), atol=1e-12)


def test_relabelling_moves_nodes_and_edges_alike():
    spaces, arrays = FAMILY.inputs(ASKED), FAMILY.draw(ASKED, Streams(0))
    g = {
        "space": np.diag([-1.0, -1.0, -1.0, 1.0]),
        "nodes": np.random.default_rng(1).permutation(11),
    }
    moved = {k: space.act(g, arrays[k]) for k, space in spaces.items()}
    for end in ("src", "dst"):
        np.testing.assert_array_equal(moved["r"][moved[end]], -arrays["r"][arrays[end]])
    np.testing.assert_array_equal(
        moved["x"][moved["src"]][..., 0], arrays["x"][arrays["src"]][..., 0]
    )
    np.testing.assert_array_equal(moved["a"], arrays["a"])


def test_translations_move_positions_alone_and_no_gradient():
    spaces, arrays = FAMILY.inputs(ASKED), FAMILY.draw(ASKED, Streams(0))
    for g in FAMILY.group(ASKED).subgroups["translation"].sample(np.random.default_rng(1), 3):
        moved = {k: space.act(g, arrays[k]) for k, space in spaces.items()}
        np.testing.assert_allclose(moved["r"], arrays["r"] + g["space"][:3, 3], atol=1e-15)
        for name in arrays.keys() - {"r"}:
            np.testing.assert_array_equal(moved[name], arrays[name])
        found = spaces["r"].gradient().act(g, arrays["r"])
        np.testing.assert_array_equal(found, arrays["r"])


@pytest.mark.parametrize(
    ("sizes", "setting"),
    [
        ({}, "truncated"),
        ({"irreps_out": "1x0e+1x1o+1x2e"}, "mimo"),
        ({"irreps_out": "0e"}, "custom"),
    ],
)
def test_facets(sizes, setting):
    facets = FAMILY.facets(ASKED.with_sizes(**sizes))
    assert facets["setting"] == setting and ("irreps" in facets) == (setting == "custom")
    assert {"symmetry": "o3", "lmax": 1, "nodes": 11, "neighbours": 4}.items() <= facets.items()


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        ({"channels": 0}, "size channels=0"),
        ({"neighbours": 11}, "neighbours=11: a node has only 10 others"),
        ({"batch": 3}, "sizes of family positions: unknown ['batch']"),
        ({"irreps_node": "1y"}, "cannot read irreps"),
        ({"irreps_node": ""}, "irreps_node is empty"),
        ({"irreps_node": "2x1o"}, "irreps_node=2x1o: multiplicities"),
        ({"irreps_node": "1x1"}, "irreps with and without parity are mixed"),
        ({"irreps_edge": "1x1e"}, "irreps_edge=1x1e: no solid harmonic has parity 1e"),
    ],
)
def test_bad_sizes_are_refused_by_name(sizes, reason):
    assert FAMILY.check(ASKED) is None
    assert str(FAMILY.check(ASKED.with_sizes(**sizes))).startswith(reason)


def test_bad_data_and_arguments():
    asked = Problem("positions", ASKED.sizes, data="normal")
    assert "family positions draws 'lattice'" in str(FAMILY.check(asked))
    with pytest.raises(ValueError, match="symmetry"):
        problem(1, "su2")
    with pytest.raises(ValueError, match="setting"):
        problem(1, setting="siso")
    with pytest.raises(ValueError, match="lmax"):
        problem(-1)


@pytest.mark.parametrize("profile", ["paper", "check"])
def test_profiles_ask_distinct_problems_that_pass(profile):
    problems = [ask.problem for ask in FAMILY.profiles[profile]()]
    assert len(set(problems)) == len(problems) > 0
    assert all(FAMILY.check(asked) is None for asked in problems)
