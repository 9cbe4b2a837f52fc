"""The softmax over the edges of a receiver: its values, their limits, and its gradients."""

import contextlib

import numpy as np
import pytest

from impls.backends import load
from impls.families.points import problem
from impls.implementation import FRAMEWORKS, Target
from impls.layers.attention import heads_to_channels, leaky, softmax_by_receiver
from impls.pointwise import activations

RNG = np.random.default_rng(0)
DST = np.array([3, 0, 3, 1, 3, 0])
"""Of 5 nodes: 2 and 4 have no edge, 1 has one."""
SCORES = RNG.standard_normal((6, 2))


@contextlib.contextmanager
def backend(framework, dtype="float64"):
    pytest.importorskip(framework)
    with contextlib.ExitStack() as stack:
        if framework == "jax":
            import jax

            stack.enter_context(jax.enable_x64(dtype == "float64"))
        yield load(framework, problem("truncated", 1, dtype=dtype), Target())


def softmax(b, scores, dst=DST, nodes=5):
    return np.asarray(softmax_by_receiver(b, b.table(scores), b.index(dst), nodes))


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_values_of_the_oracle_which_sum_to_one(framework):
    with backend(framework) as b:
        found = softmax(b, SCORES)
    np.testing.assert_allclose(found, activations.softmax_of_groups(SCORES, DST), rtol=1e-14)
    for node in (0, 1, 3):
        np.testing.assert_allclose(found[node == DST].sum(0), 1, rtol=1e-14)
    assert np.all(found[DST == 1] == 1)
    np.testing.assert_allclose(found[1] / found[5], np.exp(SCORES[1] - SCORES[5]), rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_scores_of_any_size_neither_overflow_nor_vanish(framework, dtype):
    with backend(framework, dtype) as b:
        for shift in (-1e4, 1e4):
            found = softmax(b, SCORES + shift)
            wanted = activations.softmax_of_groups(SCORES, DST)
            np.testing.assert_allclose(found, wanted, rtol=1e-2 if dtype == "float32" else 1e-10)
        far = softmax(b, np.array([[1e4], [-1e4], [0.0]]), np.array([0, 0, 1]), 2)
        assert np.array_equal(far, [[1.0], [0.0], [1.0]])


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_graph_without_edges_has_no_weights(framework):
    with backend(framework) as b:
        assert softmax(b, np.zeros((0, 2)), np.zeros(0, np.int64), 3).shape == (0, 2)


@pytest.mark.parametrize("order", [1, 2])
def test_gradients_agree_between_frameworks_and_with_the_formula(order):
    """d alpha = alpha (d s - sum of alpha d s), though the largest score is a constant to them."""
    c = RNG.standard_normal(SCORES.shape)
    alpha = activations.softmax_of_groups(SCORES, DST)
    inner = np.zeros((5, 2))
    np.add.at(inner, DST, alpha * c)
    wanted = alpha * (c - inner[DST])
    with backend("torch") as b:
        import torch

        s = torch.tensor(SCORES, requires_grad=True)
        value = (softmax_by_receiver(b, s, b.index(DST), 5) * torch.tensor(c)).sum()
        (first,) = torch.autograd.grad(value, s, create_graph=True)
        torch_second = torch.autograd.grad(0.5 * (first**2).sum(), s)[0].numpy()
        torch_first = first.detach().numpy()
    with backend("jax") as b:
        import jax

        def value(s):
            return (softmax_by_receiver(b, s, b.index(DST), 5) * c).sum()

        first = jax.grad(value)
        jax_first = np.asarray(first(SCORES))
        jax_second = np.asarray(jax.grad(lambda s: 0.5 * (first(s) ** 2).sum())(SCORES))
    if order == 1:
        np.testing.assert_allclose(torch_first, wanted, atol=1e-14)
        np.testing.assert_allclose(jax_first, wanted, atol=1e-14)
    else:
        np.testing.assert_allclose(torch_second, jax_second, atol=1e-14)
        assert np.abs(torch_second).max() > 1e-2


def test_the_leaky_rectifier_has_the_slopes_of_its_name():
    at = np.array([-200.0, -1.0, 0.0, 1.0, 200.0])
    with backend("numpy") as b:
        found = leaky(b.activation("silu"), b.table(at))
    np.testing.assert_allclose(found, activations.leaky(at), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(found[[0, 4]], [-40.0, 200.0])


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_each_head_has_channels_side_by_side(framework):
    with backend(framework) as b:
        found = np.asarray(heads_to_channels(b, b.table(SCORES), 6))
    np.testing.assert_array_equal(found, np.repeat(SCORES, 3, axis=1))
