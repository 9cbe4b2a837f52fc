"""SO3krates: one edge at a time, invariants by couplings, heads, the cutoff, what never mixes."""

import numpy as np
import pytest

from impls.families.points import FAMILY, ask, channels_of, irreps_of, problem
from impls.inputs.named import cutoff_of
from impls.layers.so3krates.operation import (
    BASIS,
    HEADS,
    OPERATION,
    basis,
    copies_of,
    features_of,
    heads_of,
    invariants,
    variables_of,
)
from impls.pointwise.activations import activate
from impls.registry import load
from impls.so3.harmonics import spherical_harmonics
from impls.so3.wigner import wigner_3j

TORCH = load().implementation("so3krates_layer.torch_attention")


def asked(degrees=2, copies=4, data="lattice:9x4", channels=1, parity=True, **changes):
    """Return a question of copies of invariants and of one vector of each degree."""
    names = [f"{l}{'eo'[l % 2] if parity else ''}" for l in range(degrees + 1)]  # noqa: E741
    node, edge = "+".join(copies * names[:1] + names[1:]), "+".join(names)
    found = {"irreps_node": node, "irreps_edge": edge, "dtype": "float64", **changes}
    return ask(**found, data=data, channels=channels)


def perceptron(name, a, weights):
    hidden = activate("silu", a @ weights[f"{name}_W1"] + weights[f"{name}_b1"])
    return hidden @ weights[f"{name}_W2"] + weights[f"{name}_b2"]


def contracted(x, degrees):
    """Return the invariants of one vector of each degree, by Wigner 3j symbols of unit norm."""
    parts = np.split(x, np.cumsum([2 * l + 1 for l in degrees])[:-1])  # noqa: E741
    tensors = [wigner_3j(l, l, 0)[..., 0] for l in degrees]  # noqa: E741
    return np.array([p @ t @ p for p, t in zip(parts, tensors, strict=True)])


def edge_by_edge(asked, inputs, weights):
    """Return f [nodes, F] and x [nodes, dim] of one channel, from one edge at a time."""
    copies, cutoff = copies_of(irreps_of(asked)[0]), cutoff_of(asked)
    degrees = [ir.l for _, ir in variables_of(asked)]
    f, x = inputs["x"][:, 0, :copies], inputs["x"][:, 0, copies:]
    new_f, new_x = f.copy(), x.copy()
    for j, i, v in zip(inputs["src"], inputs["dst"], inputs["v"], strict=True):
        r = float(np.sqrt(v @ v))
        if r >= cutoff:
            continue
        centres = np.exp(-cutoff) + (1 - np.exp(-cutoff)) * np.arange(BASIS) / (BASIS - 1)
        beta = (2 * (1 - np.exp(-cutoff)) / BASIS) ** -2
        bells, within = np.exp(-beta * (np.exp(-r) - centres) ** 2), np.cos(np.pi * r / cutoff / 2)
        alphas = []
        for n, heads in enumerate(heads_of(asked), start=1):
            w = perceptron(f"R{n}", bells, weights)
            w = w + perceptron(f"S{n}", contracted(x[j] - x[i], degrees), weights)
            parts = (np.split(a, heads) for a in (f[i], f[j], w))
            for h, (mine, other, filters) in enumerate(zip(*parts, strict=True)):
                q = activate("silu", mine @ weights[f"Q{n}"][h])
                k = activate("silu", other @ weights[f"K{n}"][h])
                alphas.append(within**2 * sum(q * filters * k) / np.sqrt(len(q)))
        heads = heads_of(asked)[0]
        values = [
            a * (p @ w)
            for a, p, w in zip(alphas, np.split(f[j], heads), weights["V"], strict=False)
        ]
        new_f[i] += np.concatenate(values)
        sh = [
            a * spherical_harmonics(l, v, "component")[l**2 :]
            for a, l in zip(alphas[heads:], degrees, strict=True)  # noqa: E741
        ]
        new_x[i] += np.concatenate(sh)
    for i in range(len(f)):
        known = np.concatenate([new_f[i], contracted(new_x[i], degrees)]) @ weights["E"]
        a, b = np.split(known + weights["b"], [copies])
        new_f[i] += a
        new_x[i] *= 1 + np.repeat(b, [2 * l + 1 for l in degrees])  # noqa: E741
    return new_f, new_x


@pytest.mark.parametrize(
    "problem",
    [asked(), asked(3, 12), asked(1, 5, "loose:5x17"), asked(data="loose:4x0")],
    ids=lambda problem: f"{problem.data} {irreps_of(problem)[0]}",
)
def test_the_oracle_is_the_formula_edge_by_edge(problem, judge, distance):
    inputs, weights = judge.draw(FAMILY, OPERATION, problem)
    wanted = np.concatenate(edge_by_edge(problem, inputs, weights), axis=1)
    assert distance(OPERATION.oracle(problem, inputs, weights)["z"][:, 0], wanted) < 1e-12


@pytest.mark.parametrize("data", ["lattice:9x4", "loose:5x17", "loose:4x0", "edges:diamond@1.6"])
@pytest.mark.parametrize("parity", [True, False])
def test_on_graphs_of_all_kinds(data, parity, agrees):
    agrees(OPERATION, asked(data=data, parity=parity))
    agrees(OPERATION, asked(3, 3, data, channels=2, parity=parity))
    agrees(OPERATION, asked(1, 1, data, channels=5, parity=parity))


@pytest.mark.parametrize("heads", [1, 2, 3, 4, 6])
def test_heads_are_a_knob(heads, agrees, judge):
    problem = asked(3, 12).at(heads=heads)
    agrees(OPERATION, problem)
    assert OPERATION.weights(problem)["V"].shape == (heads, 12 // heads, 12 // heads)


def test_heads_as_published_where_features_allow():
    found = {n: HEADS.of(asked(1, n)) for n in (132, 12, 6, 5, 1)}
    assert found == {132: 4, 12: 4, 6: 3, 5: 1, 1: 1}
    assert HEADS.values(asked(1, 132)) == (1, 2, 3, 4, 6)
    assert "knob heads=5" in str(OPERATION.supports(asked(3, 12).at(heads=5)))


def test_the_basis_is_even_in_the_exponential_of_the_distance():
    problem = asked()
    r = np.linspace(0.1, cutoff_of(problem), 500)
    found = basis(problem, r)
    places = np.exp(-r[found.argmax(0)])
    wanted = np.linspace(np.exp(-cutoff_of(problem)), 1, BASIS)
    inside = wanted < np.exp(-0.1)
    np.testing.assert_allclose(places[inside], wanted[inside], atol=5e-3)
    assert np.all((found**2).sum(1) > 0.5)


def test_an_edge_comes_into_sight_with_one_derivative_of_zero(judge):
    """That of the cosine: the functions of the distance are not zero at the cutoff."""
    problem = asked(data="loose:6x20")
    inputs, weights = judge.draw(FAMILY, OPERATION, problem)

    def seen(length):
        v = inputs["v"].copy()
        v[0] *= length * cutoff_of(problem) / np.linalg.norm(v[0])
        return OPERATION.oracle(problem, {**inputs, "v": v}, weights)["z"]

    half, near, nearer = (np.abs(seen(x) - seen(1.2)).max() for x in (0.5, 0.99, 0.999))
    assert half > 1e-2 and np.log10(near / nearer) == pytest.approx(2, abs=0.05)


def test_a_vector_is_a_sum_of_harmonics_of_its_degree_and_itself(judge):
    """Nothing of other degrees, and nothing of the vectors of neighbours, is in what comes out."""
    problem = asked(3, 12, "loose:2x1")
    inputs, weights = judge.draw(FAMILY, OPERATION, problem)
    i = int(inputs["dst"][0])
    out = OPERATION.oracle(problem, inputs, weights)["z"][i, 0]
    sh = spherical_harmonics(3, inputs["v"][0], "component")
    for (_, ir), part in zip(variables_of(problem), variables_of(problem).slices(), strict=True):
        before, after = inputs["x"][i, 0, 12:][part], out[12:][part]
        span = np.stack([before, sh[ir.l**2 : (ir.l + 1) ** 2]], axis=1)
        coefficients, *_ = np.linalg.lstsq(span, after, rcond=None)
        assert np.abs(coefficients[1]) > 1e-3
        np.testing.assert_allclose(span @ coefficients, after, atol=1e-12)


def test_it_is_even_in_its_vectors_also_where_nothing_asks_for_parity(judge):
    """With degrees alone a vector may be taken for an axial one: invariants do not see which."""
    problem = asked(2, 4, parity=False)
    inputs, weights = judge.draw(FAMILY, OPERATION, problem)
    signs = np.repeat([1, -1, 1], [4, 3, 5])
    mirrored = {**inputs, "x": inputs["x"] * signs, "v": -inputs["v"]}
    z, turned = (OPERATION.oracle(problem, each, weights)["z"] for each in (inputs, mirrored))
    np.testing.assert_allclose(turned, z * signs, atol=1e-12)


def test_invariants_are_couplings_to_degree_zero():
    problem = asked(3, 3, channels=2)
    x = np.random.default_rng(0).standard_normal((5, 2, 15))
    wanted = [[contracted(row, (1, 2, 3)) for row in node] for node in x]
    np.testing.assert_allclose(invariants(problem, x), np.reshape(wanted, (5, 6)), atol=1e-13)


def test_vectors_of_zero_have_gradients_that_are_numbers(judge):
    """As at the first layer: squares of lengths have no corner."""
    problem = asked(data="loose:6x9")
    inputs, weights = judge.draw(FAMILY, OPERATION, problem)
    inputs["x"][..., 4:] = 0
    z = OPERATION.oracle(problem, inputs, weights)["z"]
    _, gradients = judge.differentiated(TORCH, problem, inputs, weights, {"z": np.ones(z.shape)})
    assert all(np.isfinite(g).all() for g in gradients.values())


def test_what_it_does_not_answer_is_refused_by_name():
    assert OPERATION.supports(asked()) is None
    assert OPERATION.supports(problem("truncated", 1)) is None, "a scalar and a vector a channel"
    for other in (problem("mimo", 1), problem("full", 1), problem("truncated", 0)):
        assert "invariants, then one vector of each degree" in str(OPERATION.supports(other))
    odd = ask(irreps_node="0e+1e", irreps_edge="0e+1o")
    assert "one vector of each degree" in str(OPERATION.supports(odd))
    assert "1 invariants a channel are not 2 heads" in str(
        OPERATION.supports(problem("truncated", 2))
    )
    assert "attention needs lengths" in str(OPERATION.supports(asked(given="harmonics")))


def test_cost_is_quadratic_in_the_largest_degree_and_in_features():
    def flops(degrees, copies):
        return OPERATION.cost(asked(degrees, copies, "lattice:64x16"))["flops"]

    counts = [flops(degrees, 60) for degrees in (2, 3, 4, 5, 6)]
    assert counts[-1] < 1.1 * counts[0], "degrees cost little beside 60 features"
    assert flops(3, 480) / flops(3, 240) == pytest.approx(4, abs=0.4)
    assert (
        features_of(asked(3, 12, channels=2)) == 24 and channels_of(asked(3, 12, channels=2)) == 2
    )
