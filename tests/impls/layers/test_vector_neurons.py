"""Vector neurons: one vector at a time, what is left along a direction, and each framework."""

import numpy as np
import pytest

from impls.backends import load
from impls.families.points import problem
from impls.implementation import FRAMEWORKS, Target
from impls.layers.vector_neurons import EPSILON, SLOPE, VectorNetwork, VectorNeurons, oracle

MAPPED, PLAIN = VectorNeurons("n", 4, 3), VectorNeurons("n", 3, 3, mapped=False)
BOTH = pytest.mark.parametrize("neurons", [MAPPED, PLAIN], ids=["mapped", "plain"])


def drawn(neurons, n=6):
    rng = np.random.default_rng(0)
    weights = {name: space.sample(rng) for name, space in neurons.weights().items()}
    return rng.standard_normal((n, neurons.before, 3)), weights


def one_by_one(neurons, x, weights, along):
    """Return z by what is parallel and what is perpendicular to each direction.

    `along(u)` is what is made of the length that is parallel, with its sign.
    """
    z = np.empty((len(x), neurons.after, 3))
    for row, out in zip(x, z, strict=True):
        for o in range(neurons.after):
            d = weights["n_D"][:, o] @ row
            y = weights["n_W"][:, o] @ row if neurons.mapped else row[o]
            n = d / np.sqrt(d @ d + EPSILON)
            out[o] = y + (along(y @ n) - y @ n) * n
    return z


@BOTH
def test_what_points_along_a_direction_is_bent_and_nothing_else(neurons):
    x, weights = drawn(neurons)

    def bent(u):
        return SLOPE * u + (1 - SLOPE) * u * (1 + np.tanh(u / 2)) / 2

    wanted = one_by_one(neurons, x, weights, bent)
    np.testing.assert_allclose(oracle(neurons, x, weights), wanted, atol=1e-13)


@BOTH
def test_long_vectors_meet_the_leaky_relu_of_the_paper(neurons):
    x, weights = drawn(neurons)

    def relu(u):
        return max(u, 0.0) + SLOPE * min(u, 0.0)

    def apart(scale):
        wanted = one_by_one(neurons, scale * x, weights, relu)
        return np.abs(oracle(neurons, scale * x, weights) - wanted).max() / scale

    assert apart(1.0) > 0.1
    assert apart(1e5) < 1e-5


@BOTH
def test_rotations_and_mirrors_commute_with_it(neurons):
    x, weights = drawn(neurons)
    z = oracle(neurons, x, weights)
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
    for g in (turn, -turn):
        np.testing.assert_allclose(oracle(neurons, x @ g.T, weights), z @ g.T, atol=1e-14)


@BOTH
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_frameworks_agree(framework, neurons, precision):
    pytest.importorskip(framework)
    x, weights = drawn(neurons)
    with precision(framework, "float64"):
        b = load(framework, problem("truncated", 1, dtype="float64"), Target())
        tables = {name: b.table(w) for name, w in weights.items()}
        found = VectorNetwork(neurons, b)(b.table(x.swapaxes(1, 2)), tables)
        found = np.asarray(found).swapaxes(1, 2)
    np.testing.assert_allclose(found, oracle(neurons, x, weights), atol=1e-13)


def test_vectors_of_zero_stay_zero_and_counts_are_those_of_the_arrays():
    _, weights = drawn(MAPPED)
    assert not oracle(MAPPED, np.zeros((2, 4, 3)), weights).any()
    for neurons in (MAPPED, PLAIN):
        assert neurons.numbers == sum(w.size for w in drawn(neurons)[1].values())
    with pytest.raises(ValueError, match="4 vectors without a map stay as many"):
        VectorNeurons("n", 4, 3, mapped=False)
