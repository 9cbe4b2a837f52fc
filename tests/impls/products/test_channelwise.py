"""Channelwise convolution: the oracle is what its docstring says, and every implementation it."""

import contextlib

import numpy as np
import pytest

from impls.families.convolution import FAMILY, graph_of, irreps_of, model, problem
from impls.implementation import Implementation, Target
from impls.peers.e3nn import labels
from impls.products.channelwise.contraction import copies_as_channels, coupling_matrix
from impls.products.channelwise.merged import merged, runs_of
from impls.products.channelwise.operation import OPERATION, paths_of
from impls.products.paths import output_irreps
from impls.registry import load
from impls.so3.wigner import wigner_3j
from impls.streams import Streams

REGISTRY = load()
NAMES = ("torch_dense", "torch_e3nn", "jax_dense", "jax_e3nn")
PROBLEMS = {
    f"{symmetry}-{setting}": problem(
        "CH4+H2O", 2.0, 2, symmetry, setting=setting, channels=3, dtype="float64"
    )
    for symmetry in ("o3", "so3")
    for setting in ("truncated", "mimo")
}
UNSORTED = PROBLEMS["o3-mimo"].with_sizes(
    irreps_node="1x1e+1x2e+1x0e+1x1o+1x1o", irreps_edge="1x2e+1x0e+1x1o"
)
PROBLEMS["unsorted"] = UNSORTED.with_sizes(irreps_out="1x1o+1x0e+1x0o+1x2e")
PROBLEMS["unequal"] = model("sevennet-0", "CH4", channels=2, dtype="float64")
TOLERANCE = {"float64": 1e-11, "float32": 1e-5}


@pytest.fixture(params=NAMES)
def implementation(request) -> Implementation:
    found = REGISTRY.implementation(f"channelwise.{request.param}")
    missing = found.missing()
    if missing:
        pytest.skip(str(missing))
    return found


@pytest.fixture(params=list(PROBLEMS))
def asked(request):
    return PROBLEMS[request.param]


def drawn(asked, seed=3):
    rng = np.random.default_rng(seed)
    inputs = FAMILY.draw(asked, Streams(0))
    return inputs, {k: s.sample(rng) for k, s in OPERATION.weights(asked).items()}


def with_dtype(asked, dtype):
    return type(asked).from_json(asked.to_json() | {"dtype": dtype})


def canonical(implementation, asked, **options):
    """Return (f, gradient) of canonical NumPy arrays, through pack, call and unpack."""
    with _precision(implementation.framework, asked.dtype):
        built = implementation.build(asked, Target(), options)

    def through(inputs, weights):
        if built.pack:
            inputs, weights = built.pack(inputs, weights)
        outputs = built.call(inputs, weights)
        return (built.unpack(outputs) if built.unpack else outputs)["z"]

    framework = _torch if implementation.framework == "torch" else _jax
    return framework(through, asked.dtype)


def _precision(framework, dtype):
    if framework != "jax":
        return contextlib.nullcontext()
    import jax

    return jax.enable_x64(dtype == "float64")


def _torch(through, dtype):
    import torch

    def tensors(arrays, grad):
        real = getattr(torch, dtype)
        return {
            k: torch.tensor(v, dtype=real, requires_grad=grad)
            if v.dtype.kind == "f"
            else torch.tensor(v)
            for k, v in arrays.items()
        }

    def value(inputs, weights):
        return through(tensors(inputs, False), tensors(weights, False)).numpy()

    def gradient(inputs, weights, c):
        x, w = tensors(inputs, True), tensors(weights, True)
        leaves = {k: v for k, v in (x | w).items() if v.requires_grad}
        loss = (through(x, w) * torch.tensor(c)).sum()
        parts = torch.autograd.grad(loss, list(leaves.values()))
        return {k: v.numpy() for k, v in zip(leaves, parts, strict=True)}

    return value, gradient


def _jax(through, dtype):
    import jax
    import jax.numpy as jnp

    def tensors(arrays):
        return {
            k: jnp.asarray(v, dtype if v.dtype.kind == "f" else None) for k, v in arrays.items()
        }

    def value(inputs, weights):
        with _precision("jax", dtype):
            return np.array(jax.jit(through)(tensors(inputs), tensors(weights)))

    def gradient(inputs, weights, c):
        with _precision("jax", dtype):
            arrays = tensors(inputs) | tensors(weights)
            ends = {k: arrays.pop(k) for k in ("src", "dst")}

            def loss(real):
                weight = {"w": real["w"]}
                return (through({k: real[k] for k in ("x", "sh")} | ends, weight) * c).sum()

            return {k: np.array(v) for k, v in jax.jit(jax.grad(loss))(arrays).items()}

    return value, gradient


def relative(got, expected):
    assert got.shape == expected.shape
    return np.abs(got - expected).max() / np.abs(expected).max()


def test_oracle_is_the_sum_over_edges_written_out():
    asked = problem("H2O", 2.0, 2, "so3", channels=2)
    inputs, weights = drawn(asked)
    x, sh, w = inputs["x"], inputs["sh"], weights["w"]
    z = np.zeros(OPERATION.outputs(asked)["z"].shape)
    for e, (source, target) in enumerate(zip(inputs["src"], inputs["dst"], strict=True)):
        for k, path in enumerate(paths_of(asked)):
            tensor = np.sqrt(path.ir3.dim) * wigner_3j(path.ir1.l, path.ir2.l, path.ir3.l)
            for u in range(2):
                a, b = x[source, u, path.in1], sh[e, path.in2]
                z[target, u, path.out] += w[e, k, u] * np.tensordot(
                    b, np.tensordot(a, tensor, 1), 1
                )
    np.testing.assert_allclose(OPERATION.oracle(asked, inputs, weights)["z"], z, atol=1e-12)


def test_coefficients_are_those_of_the_oracle():
    asked = problem("H2", 1.0, 2, channels=1)  # two nodes, an edge each way
    paths, weights = paths_of(asked), {"w": np.ones(OPERATION.weights(asked)["w"].shape)}
    edges = graph_of(asked)
    found = np.zeros((9, 9, paths[-1].out.stop))
    for i in range(9):
        for j in range(9):
            x, sh = np.zeros((2, 1, 9)), np.zeros((2, 9))
            x[edges.src[0], 0, i], sh[0, j] = 1, 1
            inputs = {"x": x, "sh": sh, "src": edges.src, "dst": edges.dst}
            found[i, j] = OPERATION.oracle(asked, inputs, weights)["z"][edges.dst[0], 0]
    coefficients = OPERATION.coefficients(asked)
    assert len(coefficients) == len(paths)
    for i3, path in enumerate(paths):
        expected = coefficients[path.i1, path.i2, i3] * wigner_3j(
            path.ir1.l, path.ir2.l, path.ir3.l
        )
        np.testing.assert_allclose(found[path.in1, path.in2, path.out], expected, atol=1e-12)


def test_number_of_paths_is_that_of_the_closed_forms():
    for lmax, (even, every) in {1: (4, 5), 2: (11, 15), 3: (23, 34)}.items():
        assert len(paths_of(problem("CH4", 2.0, lmax))) == even
        assert len(paths_of(problem("CH4", 2.0, lmax, "so3"))) == every


def test_outputs_are_sorted_and_weights_have_one_number_per_edge_path_and_channel(asked):
    paths, edges = paths_of(asked), len(graph_of(asked).src)
    keys = [(p.ir3.l, p.ir3.p, p.ir1.l, p.ir1.p, p.ir2.l, p.ir2.p) for p in paths]
    assert keys == sorted(keys)
    (space,) = OPERATION.outputs(asked).values()
    assert space.irreps == str(output_irreps(paths))
    assert OPERATION.weights(asked)["w"].shape == (edges, len(paths), asked.sizes["channels"])


def test_cost_of_a_product_of_scalars():
    asked = problem("CH4", 2.0, 0, channels=3, dtype="float32")
    reals = 5 * 3 * (1 + 1) + 20 * (1 + 1 * 3)
    assert OPERATION.cost(asked) == {
        "flops": 20.0 * (2 + 3 * 4),
        "bytes": 4.0 * reals + 8.0 * 2 * 20,
    }


def test_empty_output_is_refused_with_a_reason():
    empty = problem("CH4", 2.0, 1).with_sizes(irreps_out="1x0o")
    refusal = OPERATION.supports(empty)
    assert refusal is not None and "empty output" in str(refusal) and "1x0o" in str(refusal)
    assert OPERATION.supports(problem("CH4", 2.0, 1)) is None


def test_coupling_matrix_writes_every_output_once():
    paths = paths_of(UNSORTED)
    matrix, blocks, order = coupling_matrix(paths, 9)
    assert matrix.shape == (9, sum(b.rows * (b.item.stop - b.item.start) for b in blocks))
    assert np.array_equal(np.sort(order), np.arange(paths[-1].out.stop))
    assert sum(block.rows for block in blocks) == len(order)


def test_copies_share_their_couplings():
    asked = model("sevennet-0")
    paths, node = paths_of(asked), irreps_of(asked)[0]
    matrix, blocks, order = coupling_matrix(paths, 9, runs_of(node))
    assert [(b.copies, b.rows) for b in blocks] == [(4, 9), (2, 20), (1, 22)]
    assert [(b.item.start, b.item.stop) for b in blocks] == [(0, 4), (4, 10), (10, 15)]
    assert matrix.shape == (9, 9 * 1 + 20 * 3 + 22 * 5)
    assert np.array_equal(np.sort(order), np.arange(paths[-1].out.stop))
    x = np.arange(24.0).reshape(1, 6, 4)  # two vectors in four channels
    spread = copies_as_channels(x, 2)
    assert np.array_equal(spread[0, :, :4], x[0, :3])
    assert np.array_equal(spread[0, :, 4:], x[0, 3:])


def test_copies_of_an_irrep_are_channels_of_e3nn():
    asked = model("sevennet-0")
    plan = merged(irreps_of(asked)[0], paths_of(asked), 32)
    assert labels(plan.node, 32) == "128x0e+64x1e+32x2e"
    assert len(plan.lines) == 15 and labels(plan.out, 32).startswith("128x0e+64x0e+32x0e+128x1e")
    numbers = 128 * 3 + 64 * 6 + 32 * 6
    assert np.array_equal(np.sort(plan.weights), np.arange(numbers))
    assert np.array_equal(np.sort(plan.rows), np.arange(32 * paths_of(asked)[-1].out.stop))
    single = merged(irreps_of(model("mace"))[0], paths_of(model("mace")), 128)
    assert single.weights is None and len(single.lines) == 10


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_value_is_the_oracle(implementation, asked, dtype):
    inputs, weights = drawn(asked)
    value, _ = canonical(implementation, with_dtype(asked, dtype))
    got = value(inputs, weights)
    assert got.dtype == dtype
    expected = OPERATION.oracle(asked, inputs, weights)["z"]
    assert relative(got, expected) < TOLERANCE[dtype]


def test_gradients_are_the_directional_derivatives_of_the_oracle(implementation, asked):
    inputs, weights = drawn(asked)
    rng = np.random.default_rng(11)
    c = rng.standard_normal(OPERATION.outputs(asked)["z"].shape)
    gradient = canonical(implementation, asked)[1](inputs, weights, c)
    assert set(gradient) == {"x", "sh", "w"}
    for name, part in gradient.items():  # the map is linear in each of x, sh and w
        arrays = {**inputs, **weights}
        arrays[name] = rng.standard_normal(arrays[name].shape)
        derivative = (c * OPERATION.oracle(asked, arrays, {"w": arrays["w"]})["z"]).sum()
        scale = np.linalg.norm(part) * np.linalg.norm(arrays[name])
        assert abs((part * arrays[name]).sum() - derivative) < 1e-11 * scale


def test_every_claimed_symmetry_holds(implementation, asked):
    inputs, weights = drawn(asked)
    value, _ = canonical(implementation, asked)
    spaces, out = FAMILY.inputs(asked), OPERATION.outputs(asked)["z"]
    expected = value(inputs, weights)
    rng = np.random.default_rng(5)
    subgroups = FAMILY.group(asked).subgroups
    assert set(subgroups) <= set(OPERATION.exact)
    for name, group in subgroups.items():
        (g,) = group.sample(rng, 1)
        moved = {key: space.act(g, inputs[key]) for key, space in spaces.items()}
        assert relative(value(moved, weights), out.act(g, expected)) < 1e-11, name


def test_isolated_nodes_receive_nothing(implementation):
    asked = PROBLEMS["o3-truncated"]
    inputs, weights = drawn(asked)
    inputs = dict(inputs, dst=np.zeros_like(inputs["dst"]))
    got = canonical(implementation, asked)[0](inputs, weights)
    assert not got[1:].any() and got[0].any()
