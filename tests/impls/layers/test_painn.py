"""PaiNN: one node at a time, the cutoff, vectors of zero, refusals."""

from dataclasses import replace

import numpy as np
import pytest

from impls.families.points import FAMILY, ask, channels_of, problem
from impls.implementation import Target
from impls.inputs.named import REACH, cutoff_of
from impls.layers.painn.operation import BASIS, OPERATION
from impls.pointwise.activations import activate
from impls.registry import load

TORCH = load().implementation("painn_layer.torch_messages")


def asked(data="lattice:9x4", channels=3, symmetry="o3"):
    return problem("truncated", 1, symmetry, data=data, channels=channels, dtype="float64")


def perceptron(name, a, weights):
    hidden = activate("silu", weights[f"{name}_W1"].T @ a + weights[f"{name}_b1"])
    return weights[f"{name}_W2"].T @ hidden + weights[f"{name}_b2"]


def node_by_node(problem, inputs, weights):
    """Return scalars and vectors from the list of neighbours of each node, channel by channel."""
    x, f, cutoff = inputs["x"], channels_of(problem), cutoff_of(problem)
    s, vectors = x[:, :, 0].copy(), x[:, :, 1:].copy()
    for src, dst, v in zip(inputs["src"], inputs["dst"], inputs["v"], strict=True):
        r = float(np.hypot(np.hypot(*v[:2]), v[2]))
        if r >= cutoff:
            continue
        waves = np.array([np.sin(k * np.pi * r / cutoff) / r for k in range(1, BASIS + 1)])
        filters = weights["W"].T @ (waves * np.cos(np.pi * r / cutoff / 2) ** 2)
        scales = (perceptron("message", x[src, :, 0], weights) * filters).reshape(3, f)
        for c in range(f):
            s[dst, c] += scales[0, c]
            vectors[dst, c] += scales[1, c] * x[src, c, 1:] + scales[2, c] * v / r
    for i in range(len(x)):
        u, left = weights["U"].T @ vectors[i], weights["L"].T @ vectors[i]
        joined = np.concatenate([s[i], np.linalg.norm(left, axis=1)])
        p, q, t = perceptron("update", joined, weights).reshape(3, f)
        s[i] += p + q * (u * left).sum(1)
        vectors[i] += t[:, None] * u
    return np.concatenate([s[:, :, None], vectors], axis=2)


@pytest.mark.parametrize("data", ["lattice:9x4", "loose:5x17", "loose:4x0", "lattice:70x20"])
def test_the_oracle_is_the_formula_node_by_node(data, judge, distance):
    inputs, weights = judge.draw(FAMILY, OPERATION, asked(data))
    wanted = node_by_node(asked(data), inputs, weights)
    assert distance(OPERATION.oracle(asked(data), inputs, weights)["z"], wanted) < 1e-13


@pytest.mark.parametrize("data", ["loose:5x17", "loose:4x0", "edges:diamond@1.6", "lattice:64x63"])
@pytest.mark.parametrize("symmetry", ["o3", "so3"])
def test_on_graphs_of_all_kinds(data, symmetry, agrees):
    agrees(OPERATION, asked(data, symmetry=symmetry))


def test_edges_beyond_the_cutoff_send_nothing(judge, distance):
    problem = asked("lattice:64x63")
    inputs, weights = judge.draw(FAMILY, OPERATION, problem)
    near = np.linalg.norm(inputs["v"], axis=1) < REACH
    assert 0.1 < near.mean() < 0.9
    fewer = {k: inputs[k][near] for k in ("v", "src", "dst")}
    whole = OPERATION.oracle(problem, inputs, weights)["z"]
    assert distance(OPERATION.oracle(problem, {**inputs, **fewer}, weights)["z"], whole) < 1e-13


def test_an_edge_comes_into_sight_with_two_derivatives_of_zero(judge):
    """The cosine is zero at the cutoff with one, and the waves are zero there too."""
    problem = asked("loose:6x20")
    inputs, weights = judge.draw(FAMILY, OPERATION, problem)

    def seen(length):
        v = inputs["v"].copy()
        v[0] *= length * cutoff_of(problem) / np.linalg.norm(v[0])
        return OPERATION.oracle(problem, {**inputs, "v": v}, weights)["z"]

    half, near, nearer = (np.abs(seen(x) - seen(1.2)).max() for x in (0.5, 0.99, 0.999))
    assert half > 1e-2 and np.log10(near / nearer) == pytest.approx(3, abs=0.05)


def test_vectors_of_zero_have_gradients_that_are_numbers(judge):
    """As at the first layer, where vectors begin as zero: |L V| has a corner at nodes alone."""
    problem = asked("loose:6x9")
    inputs, weights = judge.draw(FAMILY, OPERATION, problem)
    inputs["x"][..., 1:] = 0
    assert set(range(6)) - set(inputs["dst"]), "a node that nothing reaches"
    z = OPERATION.oracle(problem, inputs, weights)["z"]
    _, gradients = judge.differentiated(TORCH, problem, inputs, weights, {"z": np.ones(z.shape)})
    assert all(np.isfinite(g).all() for g in gradients.values())


def test_what_it_does_not_answer_is_refused_by_name():
    assert OPERATION.supports(asked()) is None
    two = ask(irreps_node="0e+0e+1o", irreps_edge="0e+1o")
    for other in (problem("truncated", 2), problem("mimo", 1), two):
        assert "has a scalar and a vector in each channel" in str(OPERATION.supports(other))
    assert "filters need lengths" in str(OPERATION.supports(asked().with_sizes(given="harmonics")))
    assert "bfloat16" in str(TORCH.supports(replace(asked(), dtype="bfloat16"), Target()))


def test_cost_is_linear_in_neighbours():
    flops = [OPERATION.cost(asked(f"lattice:64x{n}", 32))["flops"] for n in (8, 16, 24)]
    assert flops[1] - flops[0] == pytest.approx(flops[2] - flops[1])
