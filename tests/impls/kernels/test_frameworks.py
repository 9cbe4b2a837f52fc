"""Kernels inside PyTorch and JAX: gradients of gradients, compiled, mapped."""

import itertools

import numpy as np
import pytest

from impls.kernels.form import TrilinearForm
from impls.kernels.rows import Rows

RNG = np.random.default_rng(1)
TABLE = RNG.standard_normal((4, 5, 6)) * (RNG.random((4, 5, 6)) < 0.5)
X, Y = RNG.standard_normal((7, 3, 4)), RNG.standard_normal((7, 3, 5))
FORMULA = "ijk,...i,...j->...k"


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def jax():
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        yield jax


@pytest.fixture
def pair(torch):
    """Return the map by the kernel and by einsum, and inputs that require gradients."""
    from impls.kernels.torch import bind

    table = torch.tensor(TABLE)
    inputs = [torch.tensor(a, requires_grad=True) for a in (X, Y)]
    return (
        bind(Rows(TrilinearForm.dense(TABLE)), torch.float64, 1),
        lambda x, y: torch.einsum(FORMULA, table, x, y),
        inputs,
    )


def towers(torch, call, inputs):
    """Return a value and its gradients of three orders, with respect to both inputs."""
    found, scalar = [call(*inputs)], (call(*inputs) ** 2).cumsum(0).sum()
    for _ in range(3):
        gradients = torch.autograd.grad(scalar, inputs, create_graph=True)
        found += gradients
        scalar = sum((g**2).cumsum(0).sum() for g in gradients)
    return [f.detach().numpy() for f in found]


def test_gradients_of_three_orders_in_torch(torch, pair):
    mine, other, inputs = pair
    for found, wanted in zip(
        towers(torch, mine, inputs), towers(torch, other, inputs), strict=True
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-10)


def test_torch_passes_gradcheck(torch, pair):
    assert torch.autograd.gradcheck(pair[0], pair[2])
    assert torch.autograd.gradgradcheck(pair[0], pair[2])


def test_the_operator_is_one_of_torch_library(torch, pair):
    key = TrilinearForm.dense(TABLE).digest
    operator = torch.ops.equibench.map_2_0_1.default
    checked = torch.library.opcheck(operator, (*pair[2], key, 1))
    assert set(checked.values()) == {"SUCCESS"}
    with pytest.raises(ValueError, match="was not built in this process"):
        operator(*pair[2], "0" * 16, 1)


def test_modes_that_look_on_see_the_operator(torch, pair):
    from torch.utils._python_dispatch import TorchDispatchMode

    seen = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            seen.append(str(function))
            return function(*args, **(kwargs or {}))

    with Watch():
        found = pair[0](*pair[2])
    assert any("equibench.map_2_0_1" in name for name in seen)
    np.testing.assert_array_equal(found.detach(), pair[0](*pair[2]).detach())


@pytest.mark.slow
def test_torch_compile_holds_one_operator_and_its_gradient(torch, pair):
    mine, other, inputs = pair
    graphs = []

    def look(module, example):
        graphs.append(module.graph)
        return module

    torch._dynamo.reset()
    whole = torch.compile(lambda x, y: 2 * mine(x, y), backend=look, fullgraph=True)
    whole(*inputs)
    assert sum("map_2_0_1" in str(node.target) for node in graphs[0].nodes) == 1
    torch._dynamo.reset()
    compiled = torch.compile(lambda x, y: (2 * mine(x, y) ** 2).sum(), fullgraph=True)
    found = torch.autograd.grad(compiled(*inputs), inputs)
    wanted = torch.autograd.grad((2 * other(*inputs) ** 2).sum(), inputs)
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b)


def test_tensors_of_two_data_types_are_refused_by_name(torch, pair):
    x, y = pair[2]
    mixed = {"float64, float32": (x, y.float()), "float32, float64": (x.float(), y)}
    for names, given in mixed.items():
        with pytest.raises(TypeError, match=f"map_rows got arrays of {names}, not"):
            pair[0](*given)


def test_tensors_of_two_devices_are_refused_by_name(torch, pair):
    from impls.kernels.torch import _prepared

    key, dtypes = TrilinearForm.dense(TABLE).digest, (torch.float64, torch.float64)
    with pytest.raises(ValueError, match="map_rows got tensors on cpu, cuda; put all on one"):
        _prepared(key, dtypes, (False, True), 1)


def test_indices_of_another_data_type_are_refused_by_name(torch):
    from impls.kernels.graph import Convolution, Edges
    from impls.kernels.torch import bind

    form = Convolution((1, 1, 1), ((0, 0, 0, np.ones((1, 1, 1))),), weighted=False)
    x, s, ends = torch.ones(2, 1, 1), torch.ones(1, 1), torch.tensor([1])
    call = bind(Edges(form), torch.float32, 1)
    assert call(x, s, ends.int(), ends.int()).tolist() == [[[0.0]], [[1.0]]]
    with pytest.raises(TypeError, match="convolve got arrays of float32, float32, int64, int64"):
        call(x, s, ends, ends)


def test_an_operator_is_defined_once(torch):
    from impls.kernels.torch import _operator

    shapes = list(itertools.product(range(2, 12), range(1, 9)))
    many = [_operator(given, 0, outputs) for given, outputs in shapes]
    assert [_operator(given, 0, outputs) for given, outputs in shapes] == many


def test_what_is_not_contiguous_is_taken_as_it_reads(torch, pair):
    mine, other, (x, y) = pair
    x, y = x.detach().swapaxes(0, 1), y.detach().swapaxes(0, 1)
    torch.testing.assert_close(mine(x, y), other(x, y))


def jax_pair(jax):
    from impls.kernels.jax import bind

    table = jax.numpy.asarray(TABLE)
    mine = bind(Rows(TrilinearForm.dense(TABLE)), "float64", 1)
    return mine, lambda x, y: jax.numpy.einsum(FORMULA, table, x, y)


def jax_towers(jax, call, transform):
    def squared(function, both):
        return sum((a**2).cumsum(0).sum() for a in jax.tree.leaves(function(*both)))

    first = jax.grad(lambda both: squared(call, both))
    second = jax.grad(lambda both: squared(lambda x, y: first((x, y)), both))
    third = jax.grad(lambda both: squared(lambda x, y: second((x, y)), both))
    both = jax.numpy.asarray(X), jax.numpy.asarray(Y)
    return [jax.tree.leaves(transform(f)(both)) for f in (first, second, third)]


@pytest.mark.parametrize("name", ["plain", "jit", "vmap"])
def test_gradients_of_three_orders_in_jax(name, jax):
    transform = {"plain": lambda f: f, "jit": jax.jit, "vmap": jax.vmap}[name]
    mine, other = jax_pair(jax)
    pairs = zip(jax_towers(jax, mine, transform), jax_towers(jax, other, transform), strict=True)
    for found, wanted in pairs:
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10)


def test_jax_maps_over_one_argument(jax):
    mine, other = jax_pair(jax)
    for axes, x in (((None, 0), X[0]), ((1, 1), X)):
        for transform in (jax.vmap, lambda f, a: jax.jit(jax.vmap(f, a))):
            found = transform(mine, axes)(x, Y)
            np.testing.assert_allclose(found, jax.vmap(other, axes)(x, Y), rtol=1e-12)


def test_jax_refuses_two_data_types_by_name(jax):
    with pytest.raises(TypeError, match="map_rows got arrays of float64, float32, not"):
        jax_pair(jax)[0](jax.numpy.asarray(X), jax.numpy.asarray(Y, "float32"))


def test_jax_computes_no_gradient_that_is_not_wanted(jax):
    mine, _ = jax_pair(jax)
    text = jax.jit(jax.grad(lambda x, y: mine(x, y).sum())).lower(X, Y).as_text()
    found = [line for line in text.splitlines() if "custom_call @equibench" in line]
    assert [line.rpartition("-> ")[2] for line in found] == ["tensor<7x3x4xf64>"], "of x alone"
