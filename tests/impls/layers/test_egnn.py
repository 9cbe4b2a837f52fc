"""EGNN: one node at a time, the mean over a complete graph, isolated nodes, refusals."""

import numpy as np
import pytest

from impls.families.points import FAMILY, ask, problem
from impls.layers.egnn.operation import OPERATION
from impls.pointwise.activations import activate

IRREPS = {"irreps_node": "0e", "irreps_edge": "0e+1o", "irreps_out": "0e+1o"}


def asked(data="lattice:9x4", channels=3, **changes):
    return ask(**{**IRREPS, **changes}, data=data, channels=channels, dtype="float64")


def perceptron(name, a, weights, *, active=False):
    hidden = activate("silu", a @ weights[f"{name}_W1"] + weights[f"{name}_b1"])
    found = hidden @ weights[f"{name}_W2"] + weights[f"{name}_b2"]
    return activate("silu", found) if active else found


def node_by_node(inputs, weights):
    """Return h' and r' from pairs of nodes, each with its list of neighbours."""
    h, r, new_h, new_r = inputs["x"][..., 0], inputs["r"], [], []
    for i in range(len(h)):
        near = [int(j) for j, k in zip(inputs["src"], inputs["dst"], strict=True) if k == i]
        m = [
            perceptron(
                "edge", np.array([*h[i], *h[j], np.sum((r[i] - r[j]) ** 2)]), weights, active=True
            )
            for j in near
        ]
        moves = [
            (r[i] - r[j]) * perceptron("coordinate", message, weights)
            for j, message in zip(near, m, strict=True)
        ]
        new_r.append(r[i] + sum(moves) / max(len(near), 1))
        gathered = sum(m, np.zeros(h.shape[1]))
        new_h.append(h[i] + perceptron("node", np.concatenate([h[i], gathered]), weights))
    return np.array(new_h), np.array(new_r)


@pytest.mark.parametrize("data", ["lattice:9x4", "lattice:5x4", "placed:6x11", "placed:4x0"])
def test_the_oracle_is_the_formula_node_by_node(data, judge):
    problem = asked(data)
    inputs, weights = judge.draw(FAMILY, OPERATION, problem)
    h, r = node_by_node(inputs, weights)
    found = OPERATION.oracle(problem, inputs, weights)
    np.testing.assert_allclose(found["h"][..., 0], h, atol=1e-12)
    np.testing.assert_allclose(found["r"], r, atol=1e-12)


@pytest.mark.parametrize("first", ["nodes", "edges"])
@pytest.mark.parametrize("data", ["lattice:9x4", "edges:CH4@2", "placed:6x11", "placed:4x0"])
def test_the_first_map_is_the_same_at_nodes_and_at_edges(data, first, agrees):
    agrees(OPERATION, asked(data), options={"first": first})


def test_nodes_without_neighbours_stay_where_they_are(judge):
    problem = asked("placed:4x0")
    inputs, weights = judge.draw(FAMILY, OPERATION, problem)
    np.testing.assert_array_equal(OPERATION.oracle(problem, inputs, weights)["r"], inputs["r"])


def test_positions_are_moved_and_not_only_carried_over(judge):
    inputs, weights = judge.draw(FAMILY, OPERATION, asked())
    found = OPERATION.oracle(asked(), inputs, weights)
    assert np.abs(found["r"] - inputs["r"]).min(axis=0).max() > 1e-3


def test_what_it_does_not_answer_is_refused_by_name():
    assert OPERATION.supports(asked()) is None
    assert "makes invariants and one vector" in str(OPERATION.supports(problem("truncated", 1)))
    assert "ask for 0e with edges and outputs 0e+1o" in str(OPERATION.supports(problem("mimo", 2)))
    degrees = {"irreps_node": "0", "irreps_edge": "0+1", "irreps_out": "0+1"}
    assert OPERATION.supports(asked(**degrees)) is None
    for other in (asked("edges:diamond@1.6"), asked(given="harmonics")):
        assert "moves positions" in str(OPERATION.supports(other))


def test_cost_grows_with_edges_and_with_the_square_of_channels():
    few, more, most = (
        OPERATION.cost(asked(f"lattice:64x{near}", channels=64))["flops"] for near in (8, 16, 24)
    )
    assert most - more == more - few > few / 2
    wide = OPERATION.cost(asked("lattice:64x16", channels=128))["flops"]
    assert 3.5 < wide / more < 4
