"""Norm activation and gate: what they refuse, and where their derivative could be lost."""

import numpy as np
import pytest

from impls.families.feature import layer as problem
from impls.pointwise.activations import activate, sigmoid
from impls.pointwise.gate.operation import OPERATION as GATE
from impls.pointwise.gate.operation import gates_of
from impls.so3.irreps import Irreps

SIZE = {"channels": 2, "batch": 3, "dtype": "float64"}


@pytest.mark.parametrize("name", ["torch_direct", "jax_direct"])
def test_norms_have_a_gradient_at_zero(name, layer_of):
    layer = layer_of("norm_activation", name)
    asked = problem("0e+1o", **SIZE)
    inputs, weights = layer.draw(asked)
    inputs["x"][:, :, 1:] = 0.0
    found = layer.gradients(asked, inputs, weights, np.ones(inputs["x"].shape))
    assert all(np.all(np.isfinite(a)) for a in found.values())
    silu = activate("silu", weights["b"][1])[:, None]
    np.testing.assert_allclose(found["x"][:, :, 1:], np.broadcast_to(silu, (3, 2, 3)), rtol=1e-12)


def test_norm_activation_keeps_directions(layer_of):
    layer = layer_of("norm_activation", "torch_direct")
    asked = problem("1o+0o", **SIZE)
    inputs, weights = layer.draw(asked)
    x, z = inputs["x"], layer.outputs(asked, inputs, weights)["z"]
    np.testing.assert_allclose(np.cross(x[..., :3], z[..., :3]), 0, atol=1e-14)
    inputs["x"] = -x
    np.testing.assert_allclose(layer.outputs(asked, inputs, weights)["z"], -z)


def test_each_item_has_its_gate():
    assert gates_of(Irreps.parse("0e+1o+2e")) == {1: 0, 2: 0}
    assert gates_of(Irreps.parse("0e+0e+0e+1o+2e")) == {3: 1, 4: 2}
    assert gates_of(Irreps.parse("0o+0e+0e+1e")) == {0: 1, 3: 2}
    assert gates_of(Irreps.parse("0+0+0")) == {}


@pytest.mark.parametrize(
    ("irreps", "found"),
    [
        ("1o+2e", "has 0 invariants for 2 other irreps"),
        ("0o+1o", "has 0 invariants for 2 other irreps"),
        ("0e+0e+1o+2e+3o", "has 2 invariants for 3 other irreps"),
    ],
)
def test_gates_that_are_missing_are_counted(irreps, found):
    refusal = GATE.supports(problem(irreps, **SIZE))
    assert found in str(refusal)
    assert "give one invariant (0e, or 0) for all, or one for each" in str(refusal)


def test_activations_of_the_oracles():
    a = np.array([-800.0, -1.0, 0.0, 1.0, 800.0])
    np.testing.assert_allclose(sigmoid(a)[1:4], 1 / (1 + np.exp(-a[1:4])))
    np.testing.assert_allclose(activate("silu", a), a * sigmoid(a))
    assert np.all(np.isfinite(activate("silu", a)))
    with pytest.raises(ValueError, match="unknown activation 'relu': choose silu or tanh"):
        activate("relu", a)
