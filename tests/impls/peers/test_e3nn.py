"""Changes of layout for e3nn and e3nn-jax, and the full tensor product through both."""

import numpy as np
import pytest

from impls.families.product import FAMILY, problem
from impls.implementation import Target
from impls.peers.e3nn import canonical_order, flat_order, label, labels
from impls.problem import Problem
from impls.products.clebsch_gordan.e3nn import JAX, TORCH
from impls.products.clebsch_gordan.operation import OPERATION, paths_of
from impls.so3.irreps import Irrep, Irreps
from impls.streams import Streams

TOLERANCE = {"float64": 1e-11, "float32": 1e-5}
UNSORTED = {
    "irreps_in1": "1x2e+1x0e+1x0e+1x1o+1x1e",
    "irreps_in2": "1x1e+1x1o+1x0e",
    "irreps_out": "1x1o+1x1e+1x2e+1x0e",
    "channels": 2,
    "batch": 3,
}
PROBLEMS = {
    "o3": lambda dtype: problem("mimo", 2, "o3", channels=3, batch=4, dtype=dtype),
    "so3": lambda dtype: problem("mimo", 2, "so3", channels=3, batch=4, dtype=dtype),
    "unsorted": lambda dtype: Problem("product", UNSORTED, dtype=dtype),
}


def test_degrees_without_parity_are_called_even():
    assert [label(ir) for ir in (Irrep(1, -1), Irrep(1, 1), Irrep(1, 0))] == ["1o", "1e", "1e"]
    assert labels(Irreps.parse("1x0+1x1")) == "1x0e+1x1e"
    assert labels(Irreps.parse("1x0e+2x1o"), 8) == "8x0e+16x1o"


def test_flat_order_puts_channels_inside_items():
    canonical = np.array([["s0", "x0", "y0", "z0"], ["s1", "x1", "y1", "z1"]])
    native = canonical.ravel()[flat_order(Irreps.parse("1x0e+1x1o"), 2)]
    assert native.tolist() == ["s0", "s1", "x0", "y0", "z0", "x1", "y1", "z1"]


def test_canonical_order_undoes_any_order_of_paths():
    paths = paths_of(problem("mimo", 1))
    slots = [(path.i1, path.i2, path.ir3.l) for path in paths]
    assert canonical_order(slots, paths) is None
    numbers = np.arange(paths[-1].out.stop)
    native = np.concatenate([numbers[path.out] for path in paths[::-1]])
    order = canonical_order(slots[::-1], paths)
    assert order is not None and np.array_equal(native[order], numbers)


def through(built, arrays):
    inputs, weights = built.pack(arrays, {}) if built.pack else (arrays, {})
    outputs = built.call(inputs, weights)
    return (built.unpack(outputs) if built.unpack else outputs)["z"]


def derivative_along_x(asked, arrays, c):
    """Return a direction for x and the derivative of <c, z> along it; z is linear in x."""
    direction = np.random.default_rng(2).standard_normal(arrays["x"].shape)
    return direction, (c * OPERATION.oracle(asked, {**arrays, "x": direction}, {})["z"]).sum()


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("jit_mode", ["default", "script"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_torch_product_is_the_oracle(name, jit_mode, dtype):
    torch = pytest.importorskip("torch")
    e3nn = pytest.importorskip("e3nn")
    asked = PROBLEMS[name](dtype)
    arrays = FAMILY.draw(asked, Streams(0))
    before = torch.get_default_dtype(), e3nn.get_optimization_defaults()
    built = TORCH.build(asked, Target(), {"jit_mode": jit_mode})
    assert (torch.get_default_dtype(), e3nn.get_optimization_defaults()) == before
    tensors = {
        k: torch.tensor(v, dtype=getattr(torch, dtype), requires_grad=True)
        for k, v in arrays.items()
    }
    z, expected = through(built, tensors), OPERATION.oracle(asked, arrays, {})["z"]
    assert z.shape == expected.shape and z.dtype == getattr(torch, dtype)
    error = np.abs(z.detach().numpy() - expected).max() / np.abs(expected).max()
    assert error < TOLERANCE[dtype]
    c = np.random.default_rng(1).standard_normal(expected.shape)
    (gradient,) = torch.autograd.grad((z * torch.tensor(c)).sum(), tensors["x"])
    direction, derivative = derivative_along_x(asked, arrays, c)
    scale = np.linalg.norm(gradient) * np.linalg.norm(direction)
    assert abs((gradient.numpy() * direction).sum() - derivative) < TOLERANCE[dtype] * scale


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", PROBLEMS)
def test_jax_product_is_the_oracle(name, dtype):
    jax = pytest.importorskip("jax")
    pytest.importorskip("e3nn_jax")
    asked = PROBLEMS[name](dtype)
    arrays = FAMILY.draw(asked, Streams(0))
    expected = OPERATION.oracle(asked, arrays, {})["z"]
    c = np.random.default_rng(1).standard_normal(expected.shape)
    with jax.enable_x64(dtype == "float64"):
        built = JAX.build(asked, Target(), {})
        tensors = {k: jax.numpy.asarray(v, dtype) for k, v in arrays.items()}

        def loss(inputs):
            z = through(built, inputs)
            return (z * c).sum(), z

        gradients, z = jax.jit(jax.grad(loss, has_aux=True))(tensors)
        gradient, z = np.array(gradients["x"]), np.array(z)
    assert z.shape == expected.shape and z.dtype == dtype
    assert np.abs(z - expected).max() / np.abs(expected).max() < TOLERANCE[dtype]
    direction, derivative = derivative_along_x(asked, arrays, c)
    scale = np.linalg.norm(gradient) * np.linalg.norm(direction)
    assert abs((gradient * direction).sum() - derivative) < TOLERANCE[dtype] * scale


def test_layout_says_when_the_order_differs():
    pytest.importorskip("e3nn")
    sorted_, other = (
        TORCH.build(PROBLEMS[name]("float32"), Target(), {}) for name in ("o3", "unsorted")
    )
    assert sorted_.layout == "mul_ir" and sorted_.unpack is None
    assert "e3nn's order" in other.layout and other.unpack is not None
    assert "jit_mode" in sorted_.kernel


def test_wrappers_name_what_they_wrap():
    assert TORCH.requires == ("e3nn",)
    assert TORCH.baseline and not JAX.baseline
    assert JAX.licence == "Apache-2.0"
