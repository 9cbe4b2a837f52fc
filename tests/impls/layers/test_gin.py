"""GIN and orders of nodes: walks, all orders, graphs that neighbours do not tell apart."""

from dataclasses import replace
from itertools import combinations, permutations

import numpy as np
import pytest
from scipy.linalg import eigh

from impls.families.points import FAMILY, ask, problem
from impls.implementation import Target
from impls.inputs.named import graph_of
from impls.layers.gin.operation import AVERAGED, FRAMED, PLAIN
from impls.layers.gin.orders import MOST, WEIGHTS, blocks, frame_of, orders, scores
from impls.registry import load

REGISTRY = load()
FRUCHT = (-5, -2, -4, 2, 5, -2, 2, 5, -2, -5, 4, 2)
"""Steps over a ring of twelve nodes to the third neighbour of each: no symmetry."""


def asked(data="lattice:16x6", channels=3, scalar="0e", **changes):
    irreps = {"irreps_node": scalar, "irreps_edge": scalar, "irreps_out": scalar, **changes}
    return ask(**irreps, data=data, channels=channels, dtype="float64")


def silu(a):
    return a * (1 + np.tanh(a / 2)) / 2


def mlp(a, w):
    return silu(a @ w["mlp_W1"] + w["mlp_b1"]) @ w["mlp_W2"] + w["mlp_b2"]


def numbered(inputs, weights, order):
    """Return what the layer says of nodes at the places of one order, node by node."""
    h, found = inputs["x"][..., 0], []
    z = [np.r_[h[i], np.arange(len(h)) == order[i]] for i in range(len(h))]
    for i in range(len(h)):
        near = [z[j] for j, k in zip(inputs["src"], inputs["dst"], strict=True) if k == i]
        found.append(mlp((1 + weights["eps"]) * z[i] + sum(near), weights))
    return np.array(found)


@pytest.mark.parametrize("data", ["lattice:9x4", "loose:5x17", "loose:4x0", "edges:diamond@1.6"])
def test_plain_it_is_the_formula_node_by_node(data, judge, agrees):
    inputs, weights = judge.draw(FAMILY, PLAIN, asked(data))
    h, found = inputs["x"][..., 0], PLAIN.oracle(asked(data), inputs, weights)["z"][..., 0]
    for i in range(len(h)):
        near = [h[j] for j, k in zip(inputs["src"], inputs["dst"], strict=True) if k == i]
        wanted = mlp((1 + weights["eps"]) * h[i] + sum(near), weights)
        np.testing.assert_allclose(found[i], wanted, atol=1e-12)
    agrees(PLAIN, asked(data))


def test_scores_are_sums_over_eigenspaces():
    graph = graph_of(asked())
    counted = np.zeros((16, 16))
    for i, j in zip(graph.dst, graph.src, strict=True):
        counted[i, j] += 1
        counted[j, i] += 1
    degrees = counted.sum(axis=0)
    values, vectors = eigh(counted, np.diag(degrees))
    powers = sum(w * values**k for k, w in enumerate(WEIGHTS, start=2))
    wanted = degrees / degrees.sum() + degrees * (vectors**2 @ powers)
    np.testing.assert_allclose(scores(16, graph.src, graph.dst), wanted, atol=1e-12)


def test_scores_follow_the_numbers_of_nodes():
    graph, new = graph_of(asked()), np.random.default_rng(0).permutation(16)
    here, there = (scores(16, *ends) for ends in (
        (graph.src, graph.dst), (new[graph.src], new[graph.dst]),
    ))  # fmt: skip
    np.testing.assert_allclose(there[new], here, atol=1e-13)


def test_blocks_are_nodes_that_the_graph_exchanges():
    ring = np.arange(6)
    both = np.r_[ring, (ring + 1) % 6], np.r_[(ring + 1) % 6, ring]
    assert blocks(scores(6, *both)) == [6]
    path = np.array([0, 1, 1, 2]), np.array([1, 0, 2, 1])
    assert sorted(blocks(scores(3, *path))) == [1, 2]
    assert len(orders([2, 1, 3])) == 12
    with pytest.raises(ValueError, match="more than"):
        orders([6])


@pytest.mark.parametrize("framework", ["numpy", "torch", "jax"])
@pytest.mark.parametrize("data", ["lattice:16x6", "isotropic:12x3", "edges:CH4@2", "edges:H2O@2"])
def test_over_a_frame_it_is_the_mean_over_its_orders(data, framework, judge, distance):
    pytest.importorskip(framework)
    inputs, weights = judge.draw(FAMILY, FRAMED, asked(data))
    s, each = scores(len(inputs["x"]), inputs["src"], inputs["dst"]), []
    for places in frame_of(asked(data)):
        order = np.empty(len(s), int)
        order[np.argsort(s)] = places
        each.append(numbered(inputs, weights, order))
    wanted = np.mean(each, axis=0)[..., None]
    assert distance(FRAMED.oracle(asked(data), inputs, weights)["z"], wanted) < 1e-12
    implementation = REGISTRY.implementation(f"framed_gin_layer.{framework}_nodes")
    found = judge.value(implementation, asked(data), inputs, weights)["z"]
    assert distance(found, wanted) < 1e-12


@pytest.mark.parametrize("data", ["edges:CH4@2", "edges:H2O@2", "lattice:4x2"])
def test_over_all_orders_it_is_the_mean_over_the_group(data, judge, agrees):
    inputs, weights = judge.draw(FAMILY, AVERAGED, asked(data))
    each = [numbered(inputs, weights, p) for p in permutations(range(len(inputs["x"])))]
    found = AVERAGED.oracle(asked(data), inputs, weights)["z"][..., 0]
    np.testing.assert_allclose(found, np.mean(each, axis=0), atol=1e-12)
    agrees(AVERAGED, asked(data))


def test_a_graph_whose_nodes_are_all_alike_has_all_orders_in_its_frame(judge):
    problem = asked("edges:CH4@2")  # within 2 Angstrom each atom has all others
    assert len(frame_of(problem)) == MOST and len(frame_of(asked())) == 1
    inputs, weights = judge.draw(FAMILY, FRAMED, problem)
    one, other = (each.oracle(problem, inputs, weights)["z"] for each in (FRAMED, AVERAGED))
    np.testing.assert_allclose(one, other, atol=1e-12)


def edges_of(pairs):
    """Return src and dst of undirected edges."""
    pairs = np.array(sorted(pairs))
    return {"src": pairs.T.ravel(), "dst": pairs.T[::-1].ravel()}


def cubic_graphs():
    """Return two graphs without symmetry in which each of twelve nodes has three neighbours."""
    ring = {frozenset((i, (i + 1) % 12)) for i in range(12)}
    first = {tuple(sorted(e)) for e in ring | {frozenset((i, (i + s) % 12)) for i, s in
             enumerate(FRUCHT)}}  # fmt: skip
    known = np.sort(scores(12, *edges_of(first).values()))
    for one, other in combinations(sorted(first), 2):
        crossed = {tuple(sorted((one[0], other[0]))), tuple(sorted((one[1], other[1])))}
        second = first - {one, other} | crossed
        if len(second) == 18 and all(a < b for a, b in crossed):
            s = scores(12, *edges_of(second).values())
            if len(blocks(s)) == 12 and np.abs(np.sort(s) - known).max() > 1e-3:
                return edges_of(first), edges_of(second)
    raise AssertionError("no such graph")


def test_it_tells_regular_graphs_apart_that_neighbours_do_not(judge):
    """Each node of both has three neighbours, of the same features: 1-WL sees one graph."""
    first, second = cubic_graphs()
    problem, new = asked("isotropic:12x3"), np.random.default_rng(1).permutation(12)
    renumbered = {name: new[ends] for name, ends in first.items()}

    def seen(operation, graph):
        inputs, weights = judge.draw(FAMILY, operation, problem)
        same = np.ones_like(inputs["x"])
        z = operation.oracle(problem, {**inputs, **graph, "x": same}, weights)["z"]
        return z.sum(axis=0) / np.abs(z).sum()

    for operation in (PLAIN, FRAMED):
        here = seen(operation, first)
        np.testing.assert_allclose(seen(operation, renumbered), here, atol=1e-12)
        apart = np.abs(seen(operation, second) - here).max()
        assert apart > 1e-4 if operation is FRAMED else apart < 1e-13


def test_what_they_do_not_answer_is_refused_by_name():
    for operation in (PLAIN, FRAMED, AVERAGED):
        assert "knows no direction" in str(operation.supports(problem("truncated", 1)))
        assert operation.supports(asked("edges:CH4@2", scalar="0")) is None
    assert PLAIN.supports(asked("edges:diamond:2x2x2@2.6")) is None
    for data, said in (
        ("edges:diamond:2x2x2@2.6", "orders of nodes that the graph exchanges"),
        ("lattice:125x8", "use 64 at most"),
        ("loose:5x3", "without edges into it"),
    ):
        assert said in str(FRAMED.supports(asked(data)))
    assert "use 5 nodes at most" in str(AVERAGED.supports(asked()))
    half = replace(asked(), dtype="bfloat16")
    framed = REGISTRY.implementation("framed_gin_layer.torch_nodes")
    assert "bfloat16" in str(framed.supports(half, Target()))
