"""EqMotion: one agent at a time, its centre, what is kept of a vector, and kinds."""

import numpy as np
import pytest

from impls.families.points import FAMILY, channels_of, problem
from impls.layers.eqmotion.operation import KINDS, OPERATION
from impls.pointwise.activations import activate
from impls.so3.rotations import random_rotations


def asked(data="lattice:6x5", channels=3, symmetry="o3"):
    return problem("truncated", 1, symmetry, data=data, channels=channels, dtype="float64")


def perceptron(name, a, w, *, active=True):
    hidden = activate("silu", w[f"{name}_W1"].T @ a + w[f"{name}_b1"])
    found = w[f"{name}_W2"].T @ hidden + w[f"{name}_b2"]
    return activate("silu", found) if active else found


def keep(q, k):
    """Return q, without its part along k where it points against it."""
    return q if q @ k >= 0 else q - (q @ k) / (k @ k + 1e-4) * k


def agent_by_agent(problem, inputs, w):
    """Return h', X' and the kinds of each edge from the neighbours of each agent."""
    h, c = inputs["x"][..., 0], channels_of(problem)
    displaced = inputs["x"][..., 1:]
    x = displaced + inputs["r"][:, None]
    new_h, new_x, kinds = (
        np.zeros(h.shape),
        np.zeros(x.shape),
        np.zeros((len(inputs["src"]), KINDS)),
    )
    for i in range(len(h)):
        edges = np.flatnonzero(inputs["dst"] == i)
        near = [i, *inputs["src"][edges]]
        centre = np.mean([x[j].mean(0) for j in near], axis=0)
        g = x[i] + activate("silu", w["A"].T @ h[i] + w["a"])[:, None] * (x[i] - centre)
        g = g + w["V"].T @ displaced[i]
        gathered = np.zeros(c)
        for e in edges:
            j = inputs["src"][e]
            apart = x[i] - x[j]
            row = np.concatenate([h[i], h[j], [np.sqrt(d @ d) for d in apart]])
            likely = np.exp(perceptron("kinds", row, w, active=False))
            kinds[e] = likely / likely.sum()
            mixed = sum(kinds[e, k] * perceptron(f"kind{k + 1}", row, w) for k in range(KINDS))
            g = g + perceptron("factor", mixed, w)[:, None] * apart
            gathered = gathered + perceptron("message", row, w)
        q, k = (w[n].T @ (g - centre) for n in "QK")
        new_x[i] = [centre + keep(q[n], k[n]) for n in range(c)]
        joined = np.concatenate([h[i], gathered])
        new_h[i] = h[i] + perceptron("node", joined, w, active=False)
    return new_h, new_x, kinds


@pytest.mark.parametrize("data", ["lattice:6x5", "lattice:9x4", "placed:6x11", "placed:4x0"])
def test_the_oracle_is_the_formula_agent_by_agent(data, judge):
    question = asked(data)
    inputs, weights = judge.draw(FAMILY, OPERATION, question)
    found = OPERATION.oracle(question, inputs, weights)
    h, x, kinds = agent_by_agent(question, inputs, weights)
    np.testing.assert_allclose(found["z"][..., 0], h, atol=1e-11)
    np.testing.assert_allclose(found["z"][..., 1:], x - inputs["r"][:, None], atol=1e-11)
    np.testing.assert_allclose(found["kinds"], kinds, atol=1e-12)


@pytest.mark.parametrize("data", ["edges:CH4@2", "placed:6x11", "lattice:40x39"])
@pytest.mark.parametrize("symmetry", ["o3", "so3"])
def test_on_graphs_of_all_kinds(data, symmetry, agrees):
    agrees(OPERATION, asked(data, symmetry=symmetry))


def test_all_with_all_have_one_centre(judge):
    """The mean of all positions of all agents: what is linear about it alone moves about it."""
    question = asked("lattice:6x5")
    inputs, weights = judge.draw(FAMILY, OPERATION, question)
    weights |= {n: 0 * a for n, a in weights.items() if n[0] in "AVKf" or n == "a"}
    weights["Q"] = np.zeros((3, 3))
    out = OPERATION.oracle(question, inputs, weights)["z"][..., 1:] + inputs["r"][:, None]
    x = inputs["x"][..., 1:] + inputs["r"][:, None]
    np.testing.assert_allclose(out, np.broadcast_to(x.mean((0, 1)), out.shape), atol=1e-13)


def test_what_points_against_is_taken_away_and_what_does_not_stays(judge):
    """With K = -Q all is against: what is left is q eps / (|q|^2 + eps). With K = Q it is q."""
    question = asked("placed:4x0")
    inputs, weights = judge.draw(FAMILY, OPERATION, question)

    def steps(sign):
        w = weights | {"K": sign * weights["Q"]}
        out = OPERATION.oracle(question, inputs, w)["z"][..., 1:]
        return out - inputs["x"][..., 1:].mean(axis=1, keepdims=True)

    q = steps(1)
    squares = (q * q).sum(-1, keepdims=True)
    np.testing.assert_allclose(steps(-1), q * 1e-4 / (squares + 1e-4), atol=1e-13)


def test_kinds_are_shares_that_no_motion_changes(judge):
    question = asked("lattice:9x4")
    inputs, weights = judge.draw(FAMILY, OPERATION, question)
    kinds = OPERATION.oracle(question, inputs, weights)["kinds"]
    np.testing.assert_allclose(kinds.sum(axis=1), 1.0, atol=1e-13)
    assert 0.01 < kinds.std() < 0.5
    for turn in (*random_rotations(np.random.default_rng(0), 2), -np.eye(3)):
        x = inputs["x"].copy()
        x[..., 1:] = x[..., 1:] @ turn.T
        moved = {**inputs, "x": x, "r": inputs["r"] @ turn.T + 3.0}
        again = OPERATION.oracle(question, moved, weights)["kinds"]
        np.testing.assert_allclose(again, kinds, atol=1e-11)


def test_what_it_does_not_answer_is_refused_by_name():
    assert OPERATION.supports(asked()) is None
    for other in (problem("truncated", 2), problem("mimo", 1)):
        assert "a scalar and a position in each channel" in str(OPERATION.supports(other))
    for other in (asked("edges:diamond@1.6"), asked().with_sizes(given="harmonics")):
        assert "moves positions" in str(OPERATION.supports(other))


def test_cost_is_linear_in_neighbours():
    flops = [OPERATION.cost(asked(f"lattice:64x{n}", 32))["flops"] for n in (8, 16, 24)]
    assert flops[1] - flops[0] == pytest.approx(flops[2] - flops[1])
