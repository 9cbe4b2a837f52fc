"""GVP: one row at a time, what the norm leaves, copies, vectors of zero, refusals."""

import numpy as np
import pytest

from impls.families.points import FAMILY, ask, channels_of, irreps_of, problem
from impls.inputs.named import cutoff_of
from impls.layers.gvp.operation import EPSILON, OPERATION, copies_of, perceptrons_of, sizes_of
from impls.registry import load

TORCH = load().implementation("gvp_layer.torch_messages")
PAPER = "+".join(["0e"] * 25 + ["1o"] * 4)


def asked(node="0e+0e+1o", data="lattice:9x4", channels=2, **changes):
    edge = "0+1" if node == "0+1" else "0e+1o"
    found = {"irreps_node": node, "irreps_edge": edge, "dtype": "float64", **changes}
    return ask(**found, data=data, channels=channels)


def row(perceptron, pair, weights):
    """Return (s', V') of one pair of s [n] and V [nu, 3], vector by vector."""
    s, vectors = pair
    named = {k: weights[f"{perceptron.name}_{k}"] for k in ("Wh", "Wv", "Ws", "b")}
    hidden = [sum(w * v for w, v in zip(c, vectors, strict=True)) for c in named["Wh"].T]
    out = [sum(w * v for w, v in zip(c, hidden, strict=True)) for c in named["Wv"].T]
    lengths = [float(np.sqrt(v @ v)) for v in hidden]
    scalars = named["Ws"].T @ np.array([*s, *lengths]) + named["b"]
    if perceptron.linear:
        return scalars, np.array(out)
    gates = [1 / (1 + np.exp(-np.sqrt(v @ v))) for v in out]
    return scalars / (1 + np.exp(-scalars)), np.array(
        [g * v for g, v in zip(gates, out, strict=True)]
    )


def normed(s, vectors, name, weights):
    s = (s - np.mean(s)) / np.sqrt(np.mean((s - np.mean(s)) ** 2) + EPSILON)
    scale = np.sqrt(np.mean([v @ v for v in vectors]) + EPSILON)
    return s * weights[f"{name}_g"] + weights[f"{name}_b"], vectors / scale


def node_by_node(problem, inputs, weights):
    """Return z [nodes, channels, dim] from the list of edges into each node."""
    message, update = perceptrons_of(problem)
    scalars, cutoff = copies_of(irreps_of(problem)[0])[0], cutoff_of(problem)
    channels, found = channels_of(problem), []
    pairs = [(x[:, :scalars].ravel(), x[:, scalars:].reshape(-1, 3)) for x in inputs["x"]]
    for i, (s, vectors) in enumerate(pairs):
        sent = []
        for src, dst, v in zip(inputs["src"], inputs["dst"], inputs["v"], strict=True):
            if dst != i:
                continue
            r = np.sqrt(v @ v)
            bells = [np.exp(-(((r - n / 15 * cutoff) * 16 / cutoff) ** 2)) for n in range(16)]
            pair = np.array([*pairs[src][0], *bells]), np.array([*pairs[src][1], v / r])
            for perceptron in message:
                pair = row(perceptron, pair, weights)
            sent.append(pair)
        if sent:
            s = s + np.mean([pair[0] for pair in sent], axis=0)
            vectors = vectors + np.mean([pair[1] for pair in sent], axis=0)
        s, vectors = pair = normed(s, vectors, "norm1", weights)
        for perceptron in update:
            pair = row(perceptron, pair, weights)
        s, vectors = normed(s + pair[0], vectors + pair[1], "norm2", weights)
        parts = s.reshape(channels, -1), vectors.reshape(channels, -1)
        found.append(np.concatenate(parts, axis=1))
    return np.array(found)


@pytest.mark.parametrize(
    "problem",
    [asked(), asked("0e+1o+1o+1o", "loose:5x17"), asked("0e+1o", "loose:4x0", channels=3)],
    ids=str,
)
def test_the_oracle_is_the_formula_row_by_row(problem, judge, distance):
    inputs, weights = judge.draw(FAMILY, OPERATION, problem)
    wanted = node_by_node(problem, inputs, weights)
    assert distance(OPERATION.oracle(problem, inputs, weights)["z"], wanted) < 1e-12


@pytest.mark.parametrize("node", ["0e+1o", "0e+0e+0e+1o", "0e+1o+1o", "0+1"])
@pytest.mark.parametrize("data", ["loose:5x17", "loose:4x0", "edges:diamond@1.6"])
def test_of_any_copies_on_graphs_of_all_kinds(node, data, agrees):
    agrees(OPERATION, asked(node, data))


def test_the_last_norm_leaves_vectors_of_mean_square_one(judge):
    problem = asked("0e+0e+1o+1o", channels=3)
    inputs, weights = judge.draw(FAMILY, OPERATION, problem)
    weights["norm2_g"][:], weights["norm2_b"][:] = 1, 0
    z = OPERATION.oracle(problem, inputs, weights)["z"]
    squares = (z[..., 2:] ** 2).sum((1, 2)) / 6
    np.testing.assert_allclose(squares, 1, rtol=1e-3)
    np.testing.assert_allclose(z[..., :2].mean((1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(z[..., :2].var((1, 2)), 1, rtol=1e-3)


def test_vectors_of_zero_have_gradients_that_are_numbers(judge):
    problem = asked("0e+1o", "loose:6x9")
    inputs, weights = judge.draw(FAMILY, OPERATION, problem)
    inputs["x"][..., 1:] = 0
    assert set(range(6)) - set(inputs["dst"]), "a node that nothing reaches"
    z = OPERATION.oracle(problem, inputs, weights)["z"]
    _, gradients = judge.differentiated(TORCH, problem, inputs, weights, {"z": np.ones(z.shape)})
    assert np.isfinite(z).all() and all(np.isfinite(g).all() for g in gradients.values())


def test_the_nodes_of_the_paper_are_copies_of_few_channels():
    paper = asked(PAPER, channels=4)
    assert OPERATION.supports(paper) is None and sizes_of(paper) == (100, 16)
    shapes = {k: s.shape for k, s in OPERATION.weights(paper).items()}
    assert shapes["g1_Wh"] == (17, 17) and shapes["g1_Ws"] == (100 + 16 + 17, 100)
    assert shapes["f1_Wv"] == (32, 32) and shapes["f2_Ws"] == (400 + 32, 100)


@pytest.mark.parametrize("node", ["1o+0e", "0e", "1o", "0e+1e", "0e+1o+0e", "0e+1o+2e"])
def test_other_features_are_refused_by_name(node):
    refused = str(OPERATION.supports(asked(node)))
    assert "has scalars, then vectors" in refused and "copies of 0e and then 1o" in refused


def test_other_questions_are_refused_by_name():
    assert "the same in and out" in str(OPERATION.supports(problem("mimo", 1)))
    harmonics = asked().with_sizes(given="harmonics")
    assert "messages need lengths" in str(OPERATION.supports(harmonics))
