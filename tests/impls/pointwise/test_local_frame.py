"""Local frame: invariants inside, a handedness outside, and a jump where vectors are parallel."""

import numpy as np
import pytest

from impls.families.feature import FAMILY, vectors_of
from impls.families.feature import layer as problem
from impls.pointwise.local_frame.operation import OPERATION
from impls.so3.irreps import Irreps
from impls.streams import Streams

SIZE = {"channels": 2, "batch": 4, "dtype": "float64", "data": "frames"}


@pytest.mark.parametrize("name", ["torch_recursion", "jax_recursion"])
def test_vectors_in_their_own_frame(name, layer_of):
    """u has one component in the frame, v two: z is known in closed form for them."""
    layer = layer_of("local_frame", name)
    asked = problem("1o+1o", activation="tanh", **SIZE)
    inputs, _ = layer.draw(asked)
    u, v = inputs["x"][..., :3], inputs["x"][..., 3:]
    size = np.linalg.norm(u, axis=-1, keepdims=True)
    e1 = u / size
    along = (v * e1).sum(-1, keepdims=True)
    rest = v - along * e1
    across = np.linalg.norm(rest, axis=-1, keepdims=True)
    z = layer.outputs(asked, inputs, {})["z"]
    np.testing.assert_allclose(z[..., :3], np.tanh(size) * e1, atol=1e-13)
    wanted = np.tanh(along) * e1 + np.tanh(across) * rest / across
    np.testing.assert_allclose(z[..., 3:], wanted, atol=1e-13)


def test_inversion_changes_the_handedness(layer_of):
    layer = layer_of("local_frame", "torch_recursion")
    irreps = "1o+1o+2e+3o"
    assert layer.symmetry_error(problem(irreps, **SIZE), "inversion") > 0.1
    odd = problem(irreps, activation="tanh", **SIZE)
    assert layer.symmetry_error(odd, "inversion") < 1e-14


def test_the_frame_jumps_where_vectors_are_parallel(distance):
    asked = problem("1+1+1", **SIZE)
    x = FAMILY.draw(asked, Streams(0))["x"]
    x[..., 3:6] = x[..., :3]
    found = []
    for sign in (1, -1):
        near = x.copy()
        near[..., 3] += sign * 1e-6
        found.append(OPERATION.oracle(asked, {"x": near}, {})["z"])
    assert distance(*found) > 0.1


def test_a_frame_needs_two_vectors():
    assert vectors_of(Irreps.parse("1e+0e+1o")) == [slice(0, 3), slice(4, 7)]
    refusal = OPERATION.supports(problem("0e+1o+2e", **SIZE))
    assert "has 1 of the two vectors that define a frame" in str(refusal)


def test_nearly_parallel_vectors_are_refused():
    refusal = OPERATION.supports(problem("1o+1o", **SIZE | {"data": "normal"}))
    assert "nearly parallel" in str(refusal) and "data 'frames'" in str(refusal)
