"""Family points: what is asked and drawn, how the group moves it, what is refused, the part."""

from dataclasses import replace

import numpy as np
import pytest

from impls.families.points import (
    FAMILY,
    ask,
    edge_harmonics,
    has_positions,
    irreps_of,
    model,
    problem,
)
from impls.family import PART
from impls.implementation import Target
from impls.inputs.graphs import graph
from impls.inputs.named import CLOUDS, CRYSTAL, LATTICE, REACH, counts_of, cutoff_of, graph_of
from impls.inputs.networks import NETWORKS
from impls.points.convolution.operation import CHANNELWISE, paths_of
from impls.problem import Problem
from impls.registry import load
from impls.so3.harmonics import spherical_harmonics
from impls.so3.rotations import random_rotations, representation
from impls.streams import Streams

CH4 = problem("truncated", 2, data="edges:CH4@2", channels=3)
GIVEN = CH4.with_sizes(given="harmonics")
CLOUD = problem("truncated", 1, data="lattice:11x4", channels=2, dtype="float64")
EVERY = {"open": CH4, "harmonics": GIVEN, "lattice": CLOUD} | {
    "periodic": problem("mimo", 1, "so3", data="edges:diamond@1.6", channels=1),
    "random": problem("full", 1, "so3", data="isotropic:6x2", channels=1),
}


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def drawn(asked, seed=0):
    return FAMILY.draw(asked, Streams(seed))


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (CH4, ["x", "v", "src", "dst", "r", "a", "t"]),
        (CLOUD, ["x", "v", "src", "dst", "r", "a", "t"]),
        (GIVEN, ["x", "sh", "src", "dst", "a", "t"]),
        (EVERY["periodic"], ["x", "v", "src", "dst", "a", "t"]),
        (EVERY["random"], ["x", "v", "src", "dst", "a", "t"]),
        (problem("full", 1, data="edges:H2O+diamond@1.6"), ["x", "v", "src", "dst", "a", "t"]),
    ],
)
def test_positions_come_with_open_structures_and_vectors_only(asked, names):
    spaces, arrays = FAMILY.inputs(asked), drawn(asked)
    assert list(spaces) == list(arrays) == names
    for name, space in spaces.items():
        assert arrays[name].shape == space.shape and arrays[name].flags.writeable
        assert space.axis == ("nodes" if name in "xr" else "edges")
        index = name in ("src", "dst")
        assert (space.kind, space.grad) == (("index", False) if index else ("real", True))
        assert space.refers == ("nodes" if index else "")
        assert arrays[name].dtype == (np.int64 if index else np.float64)


def test_shapes():
    shapes = {name: a.shape for name, a in drawn(CH4).items()}
    assert shapes == {
        "x": (5, 3, 9), "v": (20, 3), "src": (20,), "dst": (20,), "r": (5, 3), "a": (20, 3),
        "t": (20, 3, 9),
    }  # fmt: skip
    assert drawn(GIVEN)["sh"].shape == (20, 9)


def test_what_nobody_asks_for_is_not_drawn():
    """Features of the edges of a large graph would take more memory than all else."""
    crystal = problem("truncated", 3, data="edges:diamond:4x4x4@2.6", channels=10_000)
    arrays = drawn(crystal)  # 10 GiB of t
    assert arrays["v"] is arrays["v"] and "t" in arrays and len(arrays) == 6
    assert np.array_equal(arrays["v"], drawn(crystal)["v"])


def test_the_cutoff_is_that_of_the_edges():
    assert cutoff_of(CH4) == 2 and cutoff_of(CLOUD) == REACH
    lengths = np.linalg.norm(drawn(problem("full", 1, data=LATTICE))["v"], axis=1)
    assert REACH / 2 < lengths.max() < REACH


@pytest.mark.parametrize("asked", [CH4, CLOUD], ids=["molecule", "lattice"])
def test_vectors_are_differences_of_positions(asked):
    arrays = drawn(asked)
    difference = arrays["r"][arrays["src"]] - arrays["r"][arrays["dst"]]
    np.testing.assert_allclose(arrays["v"], difference, atol=1e-15)


def test_features_and_weights_are_drawn_and_geometry_belongs_to_the_problem():
    first, second = (drawn(CLOUD, seed) for seed in (1, 2))
    for name in first:
        assert np.array_equal(first[name], second[name]) == (name not in "xat")
    moved = replace(CLOUD, seed=1)
    assert not np.array_equal(drawn(moved)["r"], drawn(CLOUD)["r"])
    assert np.array_equal(drawn(replace(CH4, seed=1))["v"], drawn(CH4)["v"])


def test_vectors_and_harmonics_are_the_same_graph():
    vectors, given = drawn(CH4), drawn(GIVEN)
    for name in ("x", "src", "dst", "a"):
        np.testing.assert_array_equal(vectors[name], given[name])
    np.testing.assert_array_equal(edge_harmonics(CH4, vectors), given["sh"])


def test_harmonics_are_component_normalised_along_the_edges_of_the_graph():
    sh, vectors = drawn(GIVEN)["sh"], graph("CH4", 2.0).vectors
    for degree in range(3):
        block = sh[:, degree**2 : (degree + 1) ** 2]
        np.testing.assert_allclose((block**2).sum(axis=1), 2 * degree + 1, rtol=1e-12)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(sh[:, 1:4], np.sqrt(3) * vectors / lengths, atol=1e-12)


def test_harmonics_follow_the_order_of_irreps_edge():
    swapped = GIVEN.with_sizes(irreps_edge="1x2e+1x0e")
    whole, part = drawn(GIVEN)["sh"], drawn(swapped)["sh"]
    np.testing.assert_array_equal(part, np.concatenate([whole[:, 4:], whole[:, :1]], axis=1))


def test_harmonics_of_a_turned_structure_are_the_turned_harmonics(rng):
    space, vectors = FAMILY.inputs(GIVEN)["sh"], graph_of(GIVEN).vectors
    for rotation in (*random_rotations(rng, 2), -np.eye(3)):
        g = {"space": rotation, "nodes": np.arange(5)}
        expected = spherical_harmonics(2, vectors @ rotation.T, "component")
        np.testing.assert_allclose(space.act(g, space.sample(rng)), expected, atol=1e-12)


@pytest.mark.parametrize("asked", EVERY.values(), ids=EVERY)
def test_actions_are_homomorphisms(asked, rng):
    group, spaces, arrays = FAMILY.group(asked), FAMILY.inputs(asked), drawn(asked)
    g, h = group.sample(rng, 2)
    for name, space in spaces.items():
        once = space.act(group.mul(g, h), arrays[name])
        np.testing.assert_allclose(once, space.act(g, space.act(h, arrays[name])), atol=1e-12)
        back = space.act(group.inv(g), space.act(g, arrays[name]))
        np.testing.assert_allclose(back, arrays[name], atol=1e-12)


@pytest.mark.parametrize(
    ("name", "group", "subgroups"),
    [
        ("open", "E(3) x S_5", {"rotation", "inversion", "translation", "permutation"}),
        ("harmonics", "O(3) x S_5", {"rotation", "inversion", "permutation"}),
        ("periodic", "SO(3) x S_8", {"rotation", "permutation"}),
    ],
)
def test_groups_follow_symmetry_and_structure(name, group, subgroups):
    found = FAMILY.group(EVERY[name])
    assert found.name == group and set(found.subgroups) == subgroups


def test_rotation_acts_on_the_last_axis_of_x(rng):
    space, rotation = FAMILY.inputs(GIVEN)["x"], random_rotations(rng, 1)[0]
    x = space.sample(rng)
    moved = space.act({"space": rotation, "nodes": np.arange(5)}, x)
    expected = x @ representation(irreps_of(GIVEN)[0], rotation).T
    np.testing.assert_allclose(moved, expected, atol=1e-12)


def test_relabelling_moves_nodes_and_edges_alike(rng):
    spaces, arrays = FAMILY.inputs(CLOUD), drawn(CLOUD)
    g = {"space": np.diag([-1.0, -1.0, -1.0, 1.0]), "nodes": rng.permutation(11)}
    moved = {k: space.act(g, arrays[k]) for k, space in spaces.items()}
    for end in ("src", "dst"):
        np.testing.assert_array_equal(moved["r"][moved[end]], -arrays["r"][arrays[end]])
        gathered = moved["x"][moved[end]]
        np.testing.assert_array_equal(gathered[..., 0], arrays["x"][arrays[end]][..., 0])
        np.testing.assert_allclose(gathered[..., 1:], -arrays["x"][arrays[end]][..., 1:])
    np.testing.assert_array_equal(moved["v"], -arrays["v"])
    np.testing.assert_array_equal(moved["a"], arrays["a"])


def test_translations_move_positions_alone_and_no_gradient():
    spaces, arrays = FAMILY.inputs(CLOUD), drawn(CLOUD)
    for g in FAMILY.group(CLOUD).subgroups["translation"].sample(np.random.default_rng(1), 3):
        moved = {k: space.act(g, arrays[k]) for k, space in spaces.items()}
        np.testing.assert_allclose(moved["r"], arrays["r"] + g["space"][:3, 3], atol=1e-15)
        for name in arrays.keys() - {"r"}:
            np.testing.assert_array_equal(moved[name], arrays[name])
        found = spaces["r"].gradient().act(g, arrays["r"])
        np.testing.assert_array_equal(found, arrays["r"])


def test_a_union_of_molecules_is_their_graphs_side_by_side():
    both = graph_of(problem("full", 1, data="edges:CH4+H2O@2"))
    assert both.nodes == 8 and both.positions.shape == (8, 3)
    assert len(both.src) == sum(len(graph(name, 2.0).src) for name in ("CH4", "H2O"))


@pytest.mark.parametrize(
    ("setting", "edge", "out"), [("truncated", 2, 2), ("mimo", 2, 4), ("full", 4, 2)]
)
@pytest.mark.parametrize("symmetry", ["o3", "so3"])
def test_settings(setting, edge, out, symmetry):
    asked = problem(setting, 2, symmetry)
    assert [irreps.lmax for irreps in irreps_of(asked)] == [2, edge, out]
    facets = FAMILY.facets(asked)
    assert (facets["setting"], facets["symmetry"], facets["lmax"]) == (setting, symmetry, 2)
    assert "irreps" not in facets


def test_facets_name_what_is_asked():
    expected = {"symmetry": "o3", "lmax": 2, "channels": 3, "nodes": 5, "edges": 20}
    assert FAMILY.facets(CH4) == {"setting": "truncated", **expected, "graph": "CH4", "cutoff": 2.0}
    assert FAMILY.facets(GIVEN) == {**FAMILY.facets(CH4), "given": "harmonics"}
    custom = FAMILY.facets(CH4.with_sizes(irreps_out="1x0e"))
    assert custom["setting"] == "custom" and custom["irreps"].endswith(" | 1x0e")
    found = FAMILY.facets(CLOUD)
    assert (found["graph"], found["neighbours"], found["edges"]) == ("lattice", 4, 44)


def test_asked_in_three_ways_is_the_same_question():
    by_setting = ask("full", 2, "so3", channels=4)
    assert by_setting == problem("full", 2, "so3", channels=4, data=LATTICE)
    assert by_setting == ask(irreps_node="0+1+2", irreps_edge="0+1+2+3+4", channels=4)
    assert ask(irreps_node="0e+1o") == ask("truncated", 1)
    assert ask("truncated", 1, irreps_out="0e").sizes["irreps_out"] == "1x0e"
    assert ask(model="mace") == model("mace")
    assert ask(model="mace", channels=2, structures="CH4") == model(
        "mace", "edges:CH4@5", channels=2
    )


@pytest.mark.parametrize(
    ("options", "data"),
    [
        ({}, "lattice:64x16"),
        ({"nodes": 10}, "lattice:10x16"),
        ({"data": "poles", "neighbours": 4}, "poles:64x4"),
        ({"data": "isotropic:9x2"}, "isotropic:9x2"),
        ({"structures": "CH4+H2O", "cutoff": 2.5}, "edges:CH4+H2O@2.5"),
        ({"structures": "diamond:2x2x2", "cutoff": 5}, "edges:diamond:2x2x2@5"),
    ],
)
def test_graphs_are_asked_by_name(options, data):
    asked = ask("full", 1, **options)
    assert asked.data == data and (asked.data == "lattice:10x16" or FAMILY.check(asked) is None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "needs one of: a setting and an lmax; a model; or irreps_node"),
        ({"setting": "full", "lmax": 1, "model": "mace"}, "needs one of"),
        ({"irreps_node": "0e", "lmax": 1}, "needs one of"),
        ({"setting": "full"}, "a setting needs an lmax"),
        ({"setting": "all", "lmax": 1}, "unknown setting 'all'"),
        ({"setting": "full", "lmax": -1}, "lmax must be an integer >= 0"),
        ({"setting": "full", "lmax": 1, "symmetry": "su2"}, "unknown symmetry 'su2'"),
        ({"model": "schnet"}, "unknown model 'schnet': choose nequip"),
        ({"irreps_node": "0e", "structures": "CH4"}, "structures need a cutoff"),
        ({"irreps_node": "0e", "structures": "CH4", "nodes": 3}, "leave these out"),
        ({"irreps_node": "0e", "data": "lattice:9x2", "nodes": 3}, "leave these out"),
        ({"irreps_node": "0e", "data": "edges", "nodes": 3}, "name these, and a cutoff"),
    ],
)
def test_a_question_that_is_not_one_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        ask(**options)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"channels": 0}, "size channels=0"),
        ({"given": "angles"}, "unknown given 'angles' (use vectors or harmonics)"),
        ({"batch": 3}, "unknown ['batch']"),
        ({"irreps_node": "1y"}, "1y"),
        ({"irreps_node": ""}, "irreps_node is empty"),
        ({"irreps_node": "2x1o"}, "irreps_node=2x1o: multiplicities"),
        ({"irreps_node": "1x1"}, "mixed"),
        ({"irreps_edge": "1x1e"}, "no spherical harmonic has parity 1e"),
        ({"irreps_edge": "1x1o+1x1o"}, "repeated"),
    ],
)
def test_bad_sizes_are_refused_by_name(changes, reason):
    assert FAMILY.check(CH4) is None
    assert reason in str(FAMILY.check(CH4.with_sizes(**changes)))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("normal", "family points draws 'edges:diamond:2x2x2@2.6'"),
        ("cloud:4x2", "'lattice:64x16'"),
        ("edges:unobtainium@2", "unobtainium"),
        ("edges:diamond:0x1x1@2", "0x1x1"),
        ("edges:CH4+@2", "no structure"),
        ("edges:CH4", "no cutoff"),
        ("edges:CH4@far", "far"),
        ("edges:CH4@nan", "cutoff must be a positive, finite length"),
        ("edges:CH4@-1", "cutoff must be a positive, finite length"),
        ("edges:CH4@0.5", "no two atoms are within the cutoff of 0.5"),
        ("lattice:64", "'64' are no numbers of nodes and neighbours"),
        ("lattice:8x8", "a node has only 7 others"),
        ("poles:8x0", "no numbers"),
        ("axis:3x3", "a node has only 2 others"),
        ("placed:1x1", "a node has only 0 others"),
        ("loose:4x-1", "'4x-1' are no numbers of nodes and edges"),
    ],
)
def test_bad_data_is_refused_by_name(data, reason):
    refusal = FAMILY.check(Problem("points", CH4.sizes, data=data))
    assert refusal is not None and reason in str(refusal)


def test_every_operation_answers_an_example():
    registry = load()
    operations = {o.name: o for o in registry.operations.values() if o.family == "points"}
    for operation in operations.values():
        assert any(operation.supports(asked) is None for asked in FAMILY.examples), operation.name


def test_one_question_is_answered_by_all():
    registry = load()
    asked = problem("full", 2, data=LATTICE)
    names = {
        o.name
        for o in registry.operations.values()
        if o.family == "points" and o.supports(asked) is None
    }
    assert {"channelwise", "mixing_convolution", "escn", "escn_o3", "solid_convolution"} <= names


@pytest.mark.parametrize("kind", ["loose", "placed"])
def test_graphs_that_count_edges_may_have_none(kind):
    asked = problem("full", 1, data=f"{kind}:5x7", channels=2)
    assert FAMILY.check(asked) is None and counts_of(asked) == (5, 7)
    assert FAMILY.facets(asked)["edges"] == 7 and "neighbours" not in FAMILY.facets(asked)
    assert has_positions(asked) == (kind == "placed")
    empty = replace(asked, data=f"{kind}:5x0")
    inputs = FAMILY.draw(empty, Streams(0, 0))
    assert FAMILY.check(empty) is None and inputs["src"].shape == (0,)
    part = FAMILY.part_of(empty, inputs, np.random.default_rng(0))
    assert part.problem == empty and not part.rows and not part.judged


def test_hard_questions_are_those_that_code_fails_at():
    edges = [counts_of(asked)[1] for asked in FAMILY.hard]
    assert {0, 1, 2, 31, 32, 33, 2047, 2048, 2049, 65535, 65536, 65537} <= set(edges)
    assert all(FAMILY.check(asked) is None for asked in FAMILY.hard)
    assert any(has_positions(asked) and not counts_of(asked)[1] for asked in FAMILY.hard)


def test_nothing_is_left_without_words():
    every = [FAMILY.facets(asked) for asked in (*FAMILY.examples, *map(model, NETWORKS))]
    assert {name for facets in every for name in facets} <= set(FAMILY.labels)
    named = {str(facets[name]) for facets in every for name in ("setting", "symmetry", "given")
             if name in facets}  # fmt: skip
    assert named <= set(FAMILY.labels) and set(CLOUDS) <= set(FAMILY.labels)
    assert all(FAMILY.labels.values())


def test_the_crystal_has_64_nodes_with_16_neighbours():
    asked = problem("full", 1, data=CRYSTAL)
    assert counts_of(asked) == (64, 1024)
    assert np.array_equal(np.bincount(graph_of(asked).dst), np.full(64, 16))


@pytest.mark.parametrize(
    ("name", "paths", "numbers", "edges"),
    [
        ("nequip", 10, 4 * 32, None),  # 2 parities of l <= 1 with 2 harmonics
        ("nequip-3bpa", 2 * 34, 8 * 64, None),  # both parities of all paths of 0..3 x 0..3 -> 0..3
        ("nequip-oam-l", 4 + 6 + 7 + 6, 4 * 32, 64 * 28),  # 23, as OpenEquivariance#211 counts
        ("mace", 10, 2 * 128, 64 * 28),
        ("sevennet-0", 4 * 3 + 2 * 6 + 6, 128 + 64 + 32, 64 * 28),
        ("sevennet-l3i5", 4 * 4 + 2 * 9 + 11 + 10, 128 + 64 + 32 + 32, 64 * 28),
        ("sevennet-mf-ompa", 4 * 4 + 2 * 6 + 7 + 6, 128 + 64 + 32 + 32, 64 * 28),
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
    for name in NETWORKS:
        facets = FAMILY.facets(model(name, seed=3, dtype="float64"))
        assert facets["model"] == name and "irreps" not in facets
    for other in (model("mace", channels=2), model("mace", "edges:CH4@5"), CH4):
        assert "model" not in FAMILY.facets(other)


def test_the_part_has_all_edges_into_some_receivers():
    asked = problem("full", 1, data="isotropic:200x3", channels=2)
    arrays = drawn(asked)
    part = FAMILY.part_of(asked, arrays, np.random.default_rng(0))
    judged, nodes, edges = part.judged["nodes"], part.rows["nodes"], part.rows["edges"]
    assert len(judged) == PART and {0, 199} <= set(judged.tolist()) <= set(nodes.tolist())
    assert len(edges) == 3 * PART
    assert set(arrays["src"][edges].tolist()) <= set(nodes.tolist()) and len(nodes) < 200
    weights = {"w": np.random.default_rng(1).standard_normal((600, len(paths_of(asked)), 2))}
    spaces = {**FAMILY.inputs(asked), **CHANNELWISE.weights(asked)}
    cut = part.cut(spaces, {**arrays, **weights})
    (space,) = CHANNELWISE.outputs(asked).values()
    found = part.of_part(space, CHANNELWISE.oracle(part.problem, cut, cut)["z"])
    whole = CHANNELWISE.oracle(asked, arrays, weights)["z"]
    np.testing.assert_allclose(found, part.of_whole(space, whole), atol=1e-13)
    alone = CHANNELWISE.oracle(part.problem, cut, cut)["z"]
    only_send = ~np.isin(nodes, judged)
    assert np.abs(alone[only_send]).max() == 0 < np.abs(whole[nodes[only_send]]).max()


def test_the_part_of_a_small_problem_is_all_that_receives():
    arrays = {"src": np.array([0, 0, 2]), "dst": np.array([1, 2, 2])}
    part = FAMILY.part_of(CH4, arrays, np.random.default_rng(0))
    assert part.judged["nodes"].tolist() == [1, 2]
    assert part.rows["nodes"].tolist() == part.rows["edges"].tolist() == [0, 1, 2]


def test_without_edges_every_algorithm_gives_what_the_oracle_does():
    """Sizes that are counted from what is there have nothing to count."""
    registry, asked = load(), problem("full", 1, data="placed:5x0", channels=2, dtype="float64")
    answered = set()
    for name, operation in registry.operations.items():
        if operation.family != "points" or operation.supports(asked):
            continue
        spaces = operation.weights(asked)
        weights = {k: s.sample(np.random.default_rng(0)) for k, s in spaces.items()}
        inputs = operation.taken(FAMILY.draw(asked, Streams(0, 0)))
        wanted = operation.oracle(asked, inputs, weights)
        for implementation in registry.implementations_of(name):
            if implementation.framework != "numpy" or implementation.supports(asked, Target()):
                continue
            built = implementation.build(asked, Target(), {})
            found = built.call(*(built.pack(inputs, weights) if built.pack else (inputs, weights)))
            found = built.unpack(found) if built.unpack else found
            for key, a in wanted.items():
                assert found[key].shape == a.shape, implementation.full_name
                np.testing.assert_allclose(found[key], a, atol=1e-12)
            answered.add(implementation.full_name)
    assert {"escn.numpy_so2", "escn.numpy_padded", "edge_contraction.numpy_frame"} <= answered
