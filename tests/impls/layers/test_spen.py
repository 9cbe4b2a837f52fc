"""Layers on ego nets: node by node, by shortest paths, and the layer of the whole graph."""

import numpy as np
import pytest
from scipy.sparse.csgraph import shortest_path

from impls.backends import load as backend
from impls.families.graphs import FAMILY, ask, permuted
from impls.implementation import Target
from impls.layers.spen import ego
from impls.registry import load
from impls.streams import Streams

REGISTRY = load()
LAYERS = ("spen_layer", "spen_product_layer")


def drawn(name, asked):
    operation, rng = REGISTRY.operation(name), np.random.default_rng(3)
    inputs = dict(operation.taken(FAMILY.draw(asked, Streams(5))))
    weights = {n: s.sample(rng) for n, s in operation.weights(asked).items()}
    return operation, inputs, weights


def question(nodes=7, degree=2, batch=2, **sizes):
    return ask(nodes, degree, channels=2, batch=batch, dtype="float64", **sizes)


def silu(a):
    return a / (1 + np.exp(-a))


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_ego_nets_are_what_shortest_paths_reach(hops):
    asked = question(11, 3, batch=4).at(hops=hops)
    a = FAMILY.draw(asked, Streams(1))["a"]
    expected = np.stack([shortest_path(graph, unweighted=True) <= hops for graph in a])
    np.testing.assert_array_equal(ego.oracle(asked, a), expected)
    masks, step = ego.EgoNets(asked, backend("numpy", asked, Target()))(a)
    np.testing.assert_array_equal(masks, expected)
    np.testing.assert_array_equal(step, a + np.eye(11))
    assert expected.sum(axis=2).max() <= ego.most_of(asked)


def test_no_ego_net_of_a_tree_is_larger_than_it_can_be():
    """In the middle of one with three branches everywhere, all places are taken."""
    edges = [(0, 1), (0, 2), (0, 3), *((i, 2 * i + k) for i in (1, 2, 3) for k in (2, 3))]
    a = np.zeros((1, 10, 10))
    for i, j in edges:
        a[0, i, j] = a[0, j, i] = 1.0
    for hops, most in ((1, 4), (2, 10)):
        asked = ask(10, 3, batch=1).at(hops=hops)
        assert ego.oracle(asked, a)[0, 0].sum() == ego.most_of(asked) == most
    assert ego.most_of(ask(50, 3).at(hops=2)) == 10
    assert ego.most_of(ask(8, 3).at(hops=2)) == 8


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_follows_its_formula_node_by_node(name):
    """With sums written out, of ego nets that are cut out of the graph one after another."""
    asked = question(6, 2, batch=1)
    layer, inputs, w = drawn(name, asked)
    a, x, h = (inputs[key][0] for key in "axh")
    nodes, c = range(len(a)), x.shape[-1]
    z, y = np.zeros(x.shape), np.zeros(h.shape)
    pairs, single = np.zeros(a.shape), np.zeros(len(a))
    w1, w0 = (w[key].reshape(-1, c, w[key].shape[1] // c, c) for key in ("W1", "W0"))
    for u in nodes:
        net = [i for i in nodes if i == u or a[u, i]]
        mine, own = x[np.ix_(net, net)], h[net]
        on = np.array([mine[p, p] for p in range(len(net))])
        near = np.stack([mine.mean(axis=1), mine.mean(axis=0), on, own])
        whole = np.stack([mine.mean(axis=(0, 1)), on.mean(axis=0), own.mean(axis=0)])
        v1 = np.einsum("rpc,rcte->tpe", near, w1)
        v0 = np.einsum("rc,rcte->te", whole, w0) + w["bias"]
        for p, i in enumerate(net):
            y[i] += v1[3, p] + v0[2]
            single[i] += 1
            for q, j in enumerate(net):
                z[i, j] += x[i, j] @ w["W2"][:, :c] + x[j, i] @ w["W2"][:, c:]
                z[i, j] += v1[0, p] + v1[1, q] + v0[0] + (i == j) * (v1[2, p] + v0[1])
                if "A" in w:
                    met = [(x[i, k] @ w["A"]) * (x[k, j] @ w["B"]) for k in net]
                    z[i, j] += np.mean(met, axis=0) @ w["P"]
                pairs[i, j] += 1
    kept = a + np.eye(6)
    assert np.any((pairs > 0) & (kept == 0)), "some ego net has nodes that share no edge"
    found = layer.oracle(asked, inputs, w)
    expected = silu((kept / np.maximum(pairs, 1))[..., None] * z), silu(y / single[:, None])
    np.testing.assert_allclose(found["x"][0], expected[0], atol=1e-12)
    np.testing.assert_allclose(found["h"][0], expected[1], atol=1e-12)


def test_an_ego_net_that_is_the_whole_graph_is_the_layer_of_the_graph():
    """Of a graph with all edges at one step; of a ring of seven nodes at three, and not before."""
    ign = REGISTRY.operation("ign_layer")
    ring = np.roll(np.eye(7), 1, 0) + np.roll(np.eye(7), -1, 0)
    for a, hops, same in (
        (np.ones((7, 7)) - np.eye(7), 1, True),
        (ring, 3, True),
        (ring, 2, False),
    ):
        asked = question(degree=6).at(hops=hops)
        layer, inputs, w = drawn("spen_layer", asked)
        inputs["a"] = np.stack([a, a])
        mine = layer.oracle(asked, inputs, w)
        whole = ign.oracle(asked, {"x": inputs["x"], "h": inputs["h"]}, w)
        at_edges = (a + np.eye(7))[:, :, None] * whole["x"]
        assert np.allclose(mine["x"], at_edges, atol=1e-12) == same
        assert np.allclose(mine["h"], whole["h"], atol=1e-12) == same


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("hops", [1, 2])
def test_every_permutation_is_kept_and_the_graph_is_needed_for_it(name, hops):
    asked = question(batch=1).at(hops=hops)
    layer, inputs, w = drawn(name, asked)
    p = np.random.default_rng(7).permutation(7)
    moved = {n: permuted(p, a, 1 if n == "h" else 2) for n, a in inputs.items()}
    before, after = layer.oracle(asked, inputs, w), layer.oracle(asked, moved, w)
    left = layer.oracle(asked, {**moved, "a": inputs["a"]}, w)
    for n, axes in (("x", 2), ("h", 1)):
        np.testing.assert_allclose(after[n], permuted(p, before[n], axes), atol=1e-14)
        assert np.abs(left[n] - permuted(p, before[n], axes)).max() > 1e-3


def test_both_ways_are_put_at_more_than_one_radius():
    """The gate asks them at the default alone."""
    asked = question(9, 3).at(hops=2)
    for name in LAYERS:
        layer, inputs, w = drawn(name, asked)
        expected = layer.oracle(asked, inputs, w)
        for implementation in REGISTRY.implementations_of(name):
            if implementation.framework == "numpy":
                found = implementation.build(asked, Target(), {}).call(inputs, w)
                for n in ("x", "h"):
                    np.testing.assert_allclose(found[n], expected[n], atol=1e-12)
