"""Family convolution: what is drawn, how the group moves it, and what is refused."""

import numpy as np
import pytest

from impls.families.convolution import CRYSTAL, FAMILY, MODELS, graph_of, irreps_of, model, problem
from impls.inputs.graphs import graph
from impls.points.convolution.operation import paths_of
from impls.problem import Problem
from impls.so3.harmonics import spherical_harmonics
from impls.so3.rotations import random_rotations, representation
from impls.streams import Streams

CH4 = problem("CH4", 2.0, 2, channels=3)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_arrays_have_the_shapes_and_kinds_of_their_spaces(rng):
    spaces, arrays = FAMILY.inputs(CH4), FAMILY.draw(CH4, Streams(0))
    assert list(spaces) == list(arrays) == ["x", "sh", "src", "dst"]
    for name, space in spaces.items():
        assert arrays[name].shape == space.shape
        assert arrays[name].flags.writeable
    assert arrays["x"].shape == (5, 3, 9) and arrays["sh"].shape == (20, 9)
    assert [arrays[name].dtype for name in arrays] == [np.float64] * 2 + [np.int64] * 2
    assert [s.kind for s in spaces.values()] == ["real", "real", "index", "index"]
    assert [s.grad for s in spaces.values()] == [True, True, False, False]


def test_only_features_depend_on_the_seed():
    first, second = (FAMILY.draw(CH4, Streams(seed)) for seed in (1, 2))
    assert not np.array_equal(first["x"], second["x"])
    for name in ("sh", "src", "dst"):
        assert np.array_equal(first[name], second[name])


def test_harmonics_are_component_normalised_along_the_edges_of_the_graph(rng):
    sh, vectors = FAMILY.draw(CH4, Streams(0))["sh"], graph("CH4", 2.0).vectors
    for degree in range(3):
        block = sh[:, degree**2 : (degree + 1) ** 2]
        np.testing.assert_allclose((block**2).sum(axis=1), 2 * degree + 1, rtol=1e-12)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(sh[:, 1:4], np.sqrt(3) * vectors / lengths, atol=1e-12)


def test_harmonics_follow_the_order_of_irreps_edge(rng):
    swapped = CH4.with_sizes(irreps_edge="1x2e+1x0e")
    whole, part = FAMILY.draw(CH4, Streams(0))["sh"], FAMILY.draw(swapped, Streams(0))["sh"]
    np.testing.assert_array_equal(part, np.concatenate([whole[:, 4:], whole[:, :1]], axis=1))


def test_harmonics_of_a_turned_structure_are_the_turned_harmonics(rng):
    space, vectors = FAMILY.inputs(CH4)["sh"], graph_of(CH4).vectors
    for rotation in (*random_rotations(rng, 2), -np.eye(3)):
        g = {"space": rotation, "nodes": np.arange(5)}
        expected = spherical_harmonics(2, vectors @ rotation.T, "component")
        np.testing.assert_allclose(space.act(g, space.sample(rng)), expected, atol=1e-12)


@pytest.mark.parametrize("symmetry", ["o3", "so3"])
def test_actions_are_homomorphisms(symmetry, rng):
    asked = problem("CH4", 2.0, 2, symmetry, channels=2)
    group, spaces, arrays = (
        FAMILY.group(asked),
        FAMILY.inputs(asked),
        FAMILY.draw(asked, Streams(0)),
    )
    g, h = group.sample(rng, 2)
    for name, space in spaces.items():
        once = space.act(group.mul(g, h), arrays[name])
        np.testing.assert_allclose(once, space.act(g, space.act(h, arrays[name])), atol=1e-12)
        back = space.act(group.inv(g), space.act(g, arrays[name]))
        np.testing.assert_allclose(back, arrays[name], atol=1e-12)


def test_rotation_acts_on_the_last_axis_of_x(rng):
    space, rotation = FAMILY.inputs(CH4)["x"], random_rotations(rng, 1)[0]
    x = space.sample(rng)
    moved = space.act({"space": rotation, "nodes": np.arange(5)}, x)
    expected = x @ representation(irreps_of(CH4)[0], rotation).T
    np.testing.assert_allclose(moved, expected, atol=1e-12)


def test_permutation_moves_rows_and_relabels_edges_alike(rng):
    spaces, arrays = FAMILY.inputs(CH4), FAMILY.draw(CH4, Streams(0))
    g = {"space": np.eye(3), "nodes": rng.permutation(5)}
    moved = {name: space.act(g, arrays[name]) for name, space in spaces.items()}
    np.testing.assert_allclose(moved["x"][g["nodes"]], arrays["x"], atol=1e-12)
    np.testing.assert_allclose(moved["sh"], arrays["sh"], atol=1e-12)
    for end in ("src", "dst"):
        gathered = moved["x"][moved[end]]
        np.testing.assert_allclose(gathered, arrays["x"][arrays[end]], atol=1e-12)


def test_subgroups_follow_the_symmetry():
    assert set(FAMILY.group(CH4).subgroups) == {"rotation", "inversion", "permutation"}
    without = problem("CH4", 2.0, 2, "so3")
    assert set(FAMILY.group(without).subgroups) == {"rotation", "permutation"}


def test_a_union_of_molecules_is_their_graphs_side_by_side():
    both = graph_of(problem("CH4+H2O", 2.0, 1))
    assert both.nodes == 8
    assert len(both.src) == sum(len(graph(name, 2.0).src) for name in ("CH4", "H2O"))


@pytest.mark.parametrize(
    ("sizes", "setting"),
    [
        ({}, "truncated"),
        ({"irreps_out": "1x0e+1x1o+1x2e+1x3o+1x4e"}, "mimo"),
        ({"irreps_out": "1x0e"}, "custom"),
    ],
)
def test_facets_name_setting_and_graph(sizes, setting):
    facets = FAMILY.facets(CH4.with_sizes(**sizes))
    assert facets["setting"] == setting
    assert ("irreps" in facets) == (setting == "custom")
    expected = {"symmetry": "o3", "lmax": 2, "channels": 3, "nodes": 5, "edges": 20}
    assert expected.items() <= facets.items()
    assert facets["graph"] == "CH4" and facets["cutoff"] == 2.0


def test_facets_of_so3():
    assert FAMILY.facets(problem("CH4", 2.0, 1, "so3", setting="mimo"))["symmetry"] == "so3"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"channels": 0}, "channels=0"),
        ({"batch": 3}, "unknown ['batch']"),
        ({"irreps_node": "1y"}, "1y"),
        ({"irreps_node": ""}, "irreps_node is empty"),
        ({"irreps_node": "2x1o"}, "irreps_node=2x1o: multiplicities"),
        ({"irreps_node": "1x1"}, "mixed"),
        ({"irreps_edge": "1x1e"}, "no spherical harmonic has parity 1e"),
        ({"irreps_edge": "1x1o+1x1o"}, "repeated"),
        ({"cutoff": -1.0}, "cutoff=-1.0"),
        ({"cutoff": True}, "cutoff=True"),
        ({"cutoff": "far"}, "cutoff='far'"),
        ({"cutoff": float("nan")}, "cutoff=nan"),
        ({"cutoff": 0.5}, "no two atoms"),
    ],
)
def test_bad_sizes_are_refused_by_name(changes, reason):
    refusal = FAMILY.check(CH4.with_sizes(**changes))
    assert refusal is not None and reason in str(refusal)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("normal", "edges:diamond:2x2x2"),
        ("edges:unobtainium", "unobtainium"),
        ("edges:diamond:0x1x1", "0x1x1"),
        ("edges:CH4+", "no structure"),
    ],
)
def test_bad_data_is_refused_by_name(data, reason):
    refusal = FAMILY.check(Problem("convolution", CH4.sizes, data=data))
    assert refusal is not None and reason in str(refusal)


@pytest.mark.parametrize(
    "arguments",
    [("CH4", 2.0, -1), ("CH4", 2.0, 1, "su2")],
)
def test_problem_refuses_bad_arguments(arguments):
    with pytest.raises(ValueError, match=r"lmax|symmetry"):
        problem(*arguments)
    with pytest.raises(ValueError, match="setting"):
        problem("CH4", 2.0, 1, setting="all")


@pytest.mark.parametrize("profile", ["quick", "default", "paper", "check"])
def test_profiles_ask_distinct_problems_that_pass(profile):
    problems = [ask.problem for ask in FAMILY.profiles[profile]()]
    assert len(set(problems)) == len(problems) > 0
    assert all(FAMILY.check(asked) is None for asked in problems)


def test_the_crystal_has_64_nodes_with_16_neighbours():
    dst = graph(*CRYSTAL).dst
    assert np.array_equal(np.bincount(dst), np.full(64, 16))


@pytest.mark.parametrize(
    ("name", "paths", "numbers", "edges"),
    [
        ("nequip", 10, 4 * 32, None),  # 2 parities of l <= 1 with 2 harmonics
        ("nequip-3bpa", 2 * 34, 8 * 64, None),  # both parities of all paths of 0..3 x 0..3 -> 0..3
        ("mace", 10, 2 * 128, 64 * 28),
        ("sevennet-0", 4 * 3 + 2 * 6 + 6, 128 + 64 + 32, 64 * 28),
        ("sevennet-l3i5", 4 * 4 + 2 * 9 + 11 + 10, 128 + 64 + 32 + 32, 64 * 28),
        ("equiformer", 4 * 3 + 2 * 6 + 6, 128 + 64 + 32, None),
    ],
)
def test_models_have_the_published_channels_and_all_their_paths(name, paths, numbers, edges):
    asked = model(name)
    node = irreps_of(asked)[0]
    assert FAMILY.check(asked) is None
    assert len(paths_of(asked)) == paths
    assert len(node) * asked.sizes["channels"] == numbers
    if edges:  # 28 atoms of silicon within 5 Å: 4 + 12 + 12
        assert len(graph_of(asked).src) == edges


def test_models_are_named_by_a_facet():
    for name in MODELS:
        facets = FAMILY.facets(model(name, seed=3, dtype="float64"))
        assert facets["model"] == name and "irreps" not in facets
    for other in (model("mace", channels=2), model("mace", "CH4"), CH4):
        assert "model" not in FAMILY.facets(other)
    asked = [ask.problem for ask in FAMILY.profiles["paper"]()]
    assert {FAMILY.facets(p).get("model") for p in asked} == {None, *MODELS}


def test_unknown_models_are_refused():
    with pytest.raises(ValueError, match=r"unknown model 'schnet': choose nequip"):
        model("schnet")
