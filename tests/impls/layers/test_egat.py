"""EGAT: node by node, what its released code breaks, and what only the branch of motifs sees."""

from functools import partial

import numpy as np
import pytest

from impls.families.points import FAMILY, ask, problem
from impls.layers.egat.operation import CLAIMED, GRAPH, HEADS, RELEASED
from impls.pointwise.activations import activate
from impls.so3.rotations import random_rotations

IRREPS = {"irreps_node": "0e", "irreps_edge": "0e+1o", "irreps_out": "0e+1o"}
SCALARS = {"irreps_node": "0e", "irreps_edge": "0e"}
OPERATIONS = (CLAIMED, RELEASED, GRAPH)
NAMES = [operation.name for operation in OPERATIONS]
DECALIN = [
    (0, 1),
    (1, 2),
    (2, 3),
    (3, 4),
    (4, 5),
    (5, 0),
    (4, 6),
    (6, 7),
    (7, 8),
    (8, 9),
    (9, 5),
]
"""The carbons of decalin, which are those of naphthalene: two rings of six share the bond 4-5."""
BICYCLOPENTYL = [
    (0, 1),
    (1, 2),
    (2, 3),
    (3, 4),
    (4, 0),
    (4, 5),
    (5, 6),
    (6, 7),
    (7, 8),
    (8, 9),
    (9, 5),
]
"""Two rings of five, joined by the bond 4-5."""


def asked(operation, data="lattice:9x4", channels=3, **changes):
    irreps = SCALARS if operation is GRAPH else IRREPS
    return ask(**{**irreps, **changes}, data=data, channels=channels, dtype="float64")


def node_by_node(operation, inputs, w):
    """Return h and how far positions move, from the list of neighbours of each node."""
    h, c = inputs["x"][..., 0], inputs["x"].shape[1]
    new, moves = np.zeros(h.shape), np.zeros((len(h), 3))
    for i in range(len(h)):
        scores, values, apart = [], [], []
        for e in np.flatnonzero(inputs["dst"] == i):
            j, edge = inputs["src"][e], inputs["a"][e]
            if operation is not GRAPH:
                d = inputs["r"][i] - inputs["r"][j]
                apart.append(d)
                edge = [*edge, *(d if operation is RELEASED else [d @ d])]
            value = (w["R"].T @ h[j]).reshape(HEADS, c)
            z = (w["L"].T @ h[i] + w["b"] + w["E"].T @ edge).reshape(HEADS, c) + value
            scores.append((w["w"] * (0.2 * z + 0.8 * activate("silu", z))).sum(1))
            values.append(value)
        out = np.zeros((HEADS, c))
        total = np.sum(np.exp(scores), axis=0)
        for n, (score, value) in enumerate(zip(scores, values, strict=True)):
            m = (np.exp(score) / total)[:, None] * value
            out += m
            if apart:
                moves[i] += apart[n] * (activate("silu", m[0]) @ w["phi_w"] + w["phi_b"])
        new[i] = w["M"].T @ activate("silu", out.ravel()) + w["M_b"]
    return new, moves


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
@pytest.mark.parametrize("data", ["lattice:9x4", "placed:6x11", "placed:4x0"])
def test_the_oracle_is_the_formula_node_by_node(operation, data, judge):
    question = asked(operation, data)
    inputs, weights = judge.draw(FAMILY, operation, question)
    found = operation.oracle(question, inputs, weights)
    h, moves = node_by_node(operation, inputs, weights)
    np.testing.assert_allclose(found["h"][..., 0], h, atol=1e-12)
    if operation is not GRAPH:
        np.testing.assert_allclose(found["r"] - inputs["r"], moves, atol=1e-12)


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
@pytest.mark.parametrize("data", ["edges:CH4@2", "placed:6x11", "placed:4x0", "lattice:40x39"])
def test_on_graphs_of_all_kinds(operation, data, agrees):
    agrees(operation, asked(operation, data))


def invariance(operation, element, judge):
    """Return |h(g x) - h(x)| / |h(x)|, which should be zero, and the same of how positions move."""
    question = asked(operation, channels=16)
    inputs, weights = judge.draw(FAMILY, operation, question)
    evaluate = partial(operation.oracle, question, weights=weights)
    out, moved = evaluate(inputs), evaluate({**inputs, "r": inputs["r"] @ element.T})
    h = np.linalg.norm(moved["h"] - out["h"]) / np.linalg.norm(out["h"])
    steps = out["r"] - inputs["r"], (moved["r"] - inputs["r"] @ element.T) @ element
    return h, np.linalg.norm(steps[1] - steps[0]) / np.linalg.norm(steps[0])


@pytest.mark.parametrize("mirror", [1, -1])
def test_components_of_differences_are_no_invariants(mirror, judge):
    """As its code is, invariants change with the axes; with squares of distances nothing does."""
    elements = mirror * random_rotations(np.random.default_rng(0), 6)
    assert np.max([invariance(CLAIMED, g, judge) for g in elements]) < 1e-13
    assert np.min([invariance(RELEASED, g, judge) for g in elements]) > 1e-3


def graph(bonds, nodes, features, channels):
    """Return inputs of a graph without positions: bonds both ways, all alike."""
    src, dst = np.array([*bonds, *((j, i) for i, j in bonds)]).reshape(-1, 2).T
    x = np.repeat(np.array(features, float)[:, None, None], channels, axis=1)
    assert len(x) == nodes
    return {"x": x, "a": np.ones((len(src), channels)), "src": src, "dst": dst}


def test_motifs_tell_apart_what_attention_to_atoms_does_not(judge):
    """Two rings of six that share a bond, two of five that are joined by one.

    Each has ten carbons, of which two have three neighbours, next to each other: colours of atoms
    are refined alike. Of rings as nodes one graph has sixes and the other fives.
    """
    question = asked(GRAPH)
    _, weights = judge.draw(FAMILY, GRAPH, question)

    def pooled(*inputs):
        out = GRAPH.oracle(question, graph(*inputs, 3), weights)["h"]
        again = {**graph(*inputs, 3), "x": out}
        return GRAPH.oracle(question, again, weights)["h"].sum(axis=0)

    atoms = [pooled(bonds, 10, [1.0] * 10) for bonds in (DECALIN, BICYCLOPENTYL)]
    np.testing.assert_allclose(atoms[0], atoms[1], atol=1e-12)
    degrees = [np.bincount(np.ravel(bonds)) for bonds in (DECALIN, BICYCLOPENTYL)]
    atoms = [
        pooled(bonds, 10, near)
        for bonds, near in zip((DECALIN, BICYCLOPENTYL), degrees, strict=True)
    ]
    np.testing.assert_allclose(atoms[0], atoms[1], atol=1e-12)
    six, five = (pooled([(0, 1)], 2, [size, size]) for size in (6.0, 5.0))
    assert np.abs(six - five).max() / np.abs(six).max() > 1e-2


def test_which_neighbour_counts_most_depends_on_who_attends(judge):
    """Six nodes have the same five neighbours. With a rectifier of the sum none could differ."""
    question = asked(GRAPH, channels=4)
    _, w = judge.draw(FAMILY, GRAPH, question)
    nodes = np.random.default_rng(0).standard_normal((11, 4))
    receives = (nodes[:6] @ w["L"] + w["b"]).reshape(6, 1, HEADS, 4)
    sends = (nodes[6:] @ w["R"]).reshape(1, 5, HEADS, 4)

    def ranked(static):
        z = receives + sends
        scores = (w["w"] * (z if static else 0.2 * z + 0.8 * activate("silu", z))).sum(-1)
        return np.argsort(scores, axis=1)

    assert (ranked(True) == ranked(True)[:1]).all()
    assert (ranked(False) != ranked(False)[:1]).any()


def test_what_they_do_not_answer_is_refused_by_name():
    for operation in (CLAIMED, RELEASED):
        assert operation.supports(asked(operation)) is None
        assert "makes invariants and one vector" in str(operation.supports(problem("truncated", 1)))
        assert "moves positions" in str(operation.supports(asked(operation, "edges:diamond@1.6")))
    assert GRAPH.supports(asked(GRAPH)) is None
    assert "ask for 0e of nodes and outputs" in str(GRAPH.supports(problem("truncated", 1)))


def test_cost_grows_with_edges_and_with_the_square_of_channels():
    few, more, most = (
        CLAIMED.cost(asked(CLAIMED, f"lattice:64x{near}", channels=64))["flops"]
        for near in (8, 16, 24)
    )
    assert most - more == more - few > few / 4
    wide = CLAIMED.cost(asked(CLAIMED, "lattice:64x16", channels=128))["flops"]
    assert 3.5 < wide / more < 4
