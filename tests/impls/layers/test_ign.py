"""Order 2: the maps one by one, all that there are, and matrix products that go beyond them."""

from itertools import product

import numpy as np
import pytest

from analysis.homs import hom_dimension, spanned
from impls.families import node_tensors
from impls.families.graphs import FAMILY, ask
from impls.layers.node_maps import NodeMaps
from impls.registry import load
from impls.streams import Streams

REGISTRY = load()
LINEAR = REGISTRY.operation("ign_linear")


def tensors(p, q, nodes=4, channels=1, batch=1):
    return node_tensors.ask(nodes, p, q, channels=channels, batch=batch, dtype="float64")


def map_of(asked, weights):
    """Return the matrix of a linear map [numbers out, numbers in]."""
    space = node_tensors.FAMILY.inputs(asked)["x"]
    size = int(np.prod(space.shape))
    basis = np.eye(size).reshape(size, *space.shape[1:])
    z = LINEAR.oracle(asked.with_sizes(batch=size), {"x": basis}, weights)["z"]
    return z.reshape(size, -1).T


def partitions(count):
    """Yield each partition of indices 0 .. count - 1 once, as the number of a block for each."""
    for labels in product(range(count), repeat=count):
        if all(label <= max(labels[:n], default=-1) + 1 for n, label in enumerate(labels)):
            yield labels


@pytest.mark.parametrize(("p", "q"), [(2, 2), (2, 1), (1, 2), (1, 1), (2, 0), (1, 0)])
def test_each_weight_is_a_map_of_its_own_one_for_each_partition_of_the_indices(p, q):
    """Its entries are equal where the indices in each block are, and zero elsewhere."""
    asked, found = tensors(p, q), set()
    spaces = LINEAR.weights(asked)
    for name, space in spaces.items():
        for place in np.ndindex(space.shape):
            unit = {each: np.zeros(s.shape) for each, s in spaces.items()}
            unit[name][place] = 1.0
            entries = map_of(asked, unit).reshape((4,) * (p + q))
            assert len(np.unique(entries)) <= 2 and entries.max() > 0
            found.add((entries > 0).tobytes())
    indices = list(np.ndindex((4,) * (p + q)))
    expected = {
        np.array(
            [all(i[n] == i[labels.index(b)] for n, b in enumerate(labels)) for i in indices]
        ).tobytes()
        for labels in partitions(p + q)
    }
    assert found == expected and len(expected) == LINEAR_COUNTS[p + q]


LINEAR_COUNTS = {1: 1, 2: 2, 3: 5, 4: 15}
"""Bell numbers."""


@pytest.mark.parametrize(("p", "q"), [(2, 2), (2, 1), (1, 2), (1, 1)])
def test_weights_span_all_that_commutes_with_permutations(p, q):
    asked = tensors(p, q)
    spaces, rng = LINEAR.weights(asked), np.random.default_rng(0)
    draws = NodeMaps((p,), (q,), 1).count + 2
    maps = np.array(
        [map_of(asked, {n: s.sample(rng) for n, s in spaces.items()}) for _ in range(draws)]
    )
    out = LINEAR.outputs(asked)["z"]
    group = node_tensors.FAMILY.group(asked)
    full = hom_dimension([node_tensors.FAMILY.inputs(asked)["x"]], out, [group])
    assert spanned(maps).value == full.value == LINEAR_COUNTS[p + q] == draws - 2


def test_three_nodes_have_one_map_less():
    """Four indices of three nodes are never all different."""
    asked = tensors(2, 2, nodes=3)
    spaces, rng = LINEAR.weights(asked), np.random.default_rng(0)
    maps = [map_of(asked, {n: s.sample(rng) for n, s in spaces.items()}) for _ in range(17)]
    assert spanned(np.array(maps)).value == 14


def drawn(name, asked):
    operation, rng = REGISTRY.operation(name), np.random.default_rng(3)
    inputs = operation.taken(FAMILY.draw(asked, Streams(5)))
    return operation, inputs, {n: s.sample(rng) for n, s in operation.weights(asked).items()}


def silu(a):
    return a / (1 + np.exp(-a))


def test_a_layer_is_its_linear_maps_a_bias_and_an_activation():
    """Of constants alone, which all means leave as they are."""
    asked = ask(5, 2, channels=2, batch=1, dtype="float64")
    layer, inputs, w = drawn("ign_layer", asked)
    x, h = np.array([0.3, -1.2]), np.array([0.7, 0.4])
    inputs = {"x": np.broadcast_to(x, (1, 5, 5, 2)), "h": np.broadcast_to(h, (1, 5, 2))}
    w1, w0 = (w[n].reshape(-1, 2, w[n].shape[1] // 2, 2) for n in ("W1", "W0"))
    v1 = np.einsum("rc,rcte->te", np.stack([x, x, x, h]), w1)
    v0 = np.einsum("rc,rcte->te", np.stack([x, x, h]), w0) + w["bias"]
    same = x @ w["W2"][:, :2] + x @ w["W2"][:, 2:] + v1[0] + v1[1] + v0[0]
    expected = np.broadcast_to(same, (5, 5, 2)) + np.eye(5)[:, :, None] * (v1[2] + v0[1])
    found = layer.oracle(asked, inputs, w)
    np.testing.assert_allclose(found["x"][0], silu(expected), atol=1e-12)
    np.testing.assert_allclose(found["h"][0], np.tile(silu(v1[3] + v0[2]), (5, 1)), atol=1e-12)


def test_a_product_counts_walks_of_two_steps():
    """With perceptrons that are nearly linear, of a channel that has the edges of a graph."""
    asked = ask(6, 3, channels=1, batch=1, dtype="float64")
    layer, _, w = drawn("ppgn_layer", asked)
    a = FAMILY.draw(asked, Streams(5))["a"]
    zero = {name: np.zeros(value.shape) for name, value in w.items()}
    far = 40.0  # where silu(a) is a to the last digit
    linear = {f"m{n}_W1": np.ones((1, 1)) for n in (1, 2)} | {
        f"m{n}_b1": np.array([far]) for n in (1, 2)
    }
    linear |= {f"m{n}_W2": np.ones((1, 1)) for n in (1, 2)}
    linear |= {f"m{n}_b2": np.array([-far]) for n in (1, 2)}
    weights = zero | linear | {"P": np.full((1, 1), 6.0)}
    found = layer.oracle(asked, {"x": a[..., None]}, weights)["x"][..., 0]
    np.testing.assert_allclose(found, a @ a, atol=1e-10)
