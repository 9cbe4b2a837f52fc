"""Clebsch-Gordan convolutions: the oracles are what their docstrings say."""

from dataclasses import replace

import numpy as np
import pytest

from impls.families.points import (
    FAMILY,
    ask,
    irreps_of,
    model,
    problem,
)
from impls.implementation import Target
from impls.inputs.named import counts_of, graph_of
from impls.peers.e3nn import labels
from impls.points.convolution.contraction import copies_as_channels, coupling_matrix
from impls.points.convolution.merged import merged, runs_of
from impls.points.convolution.operation import CHANNELWISE, MIXING, paths_of, reached
from impls.points.escn.operation import ESCN, ESCN_O3, bijection
from impls.points.escn.operation import paths_of as orders_of
from impls.products.paths import output_irreps
from impls.registry import load
from impls.so3.harmonics import spherical_harmonics
from impls.so3.wigner import wigner_3j
from impls.streams import Streams

REGISTRY = load()
OPERATIONS = {"channelwise": CHANNELWISE, "mixing_convolution": MIXING}
NAMES = [
    f"{o}.{n}" for o in OPERATIONS for n in ("torch_dense", "torch_e3nn", "jax_dense", "jax_e3nn")
]
MOLECULES = "edges:CH4+H2O@2"
PROBLEMS = {
    f"{symmetry}-{setting}": problem(
        setting, 2, symmetry, data=MOLECULES, channels=3, dtype="float64"
    )
    for symmetry, setting in (("o3", "truncated"), ("so3", "mimo"), ("o3", "full"))
}
UNSORTED = ask(
    irreps_node="1e+2e+0e+1o+1o", irreps_edge="2e+0e+1o", irreps_out="1o+0e+0o+2e",
    data="poles:25x2", channels=3, dtype="float64",
)  # fmt: skip
PROBLEMS["unsorted"] = UNSORTED
PROBLEMS["unequal"] = model("sevennet-0", "edges:CH4@2", channels=2, dtype="float64")
PROBLEMS["harmonics"] = PROBLEMS["o3-truncated"].with_sizes(given="harmonics")


@pytest.fixture(params=NAMES)
def implementation(request):
    found = REGISTRY.implementation(request.param)
    missing = found.missing()
    if missing:
        pytest.skip(str(missing))
    return found


@pytest.fixture(params=list(PROBLEMS))
def asked(request):
    return PROBLEMS[request.param]


def drawn(operation, asked, seed=3):
    rng = np.random.default_rng(seed)
    inputs = operation.taken(FAMILY.draw(asked, Streams(0)))
    return inputs, {k: s.sample(rng) for k, s in operation.weights(asked).items()}


def relative(got, expected):
    assert got.shape == expected.shape
    return np.abs(got - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_oracle_is_the_sum_over_edges_written_out(operation):
    asked = problem("truncated", 2, "so3", data="edges:H2O@2", channels=2)
    inputs, weights = drawn(operation, asked)
    x, w = inputs["x"], weights["w"]
    sh = spherical_harmonics(2, inputs["v"], "component")
    z = np.zeros(operation.outputs(asked)["z"].shape)
    assert z.shape[2] == (
        sum(p.ir3.dim for p in paths_of(asked)) if operation is CHANNELWISE else 9
    )
    for e, (source, target) in enumerate(zip(inputs["src"], inputs["dst"], strict=True)):
        for k, path in enumerate(paths_of(asked)):
            tensor = np.sqrt(path.ir3.dim) * wigner_3j(path.ir1.l, path.ir2.l, path.ir3.l)
            for u in range(2):
                a, b = x[source, u, path.in1], sh[e, path.in2]
                message = np.tensordot(b, np.tensordot(a, tensor, 1), 1)
                if operation is CHANNELWISE:
                    z[target, u, path.out] += w[e, k, u] * message
                    continue
                place = slice(path.ir3.l**2, (path.ir3.l + 1) ** 2)
                for v in range(2):
                    z[target, v, place] += w[k, u, v] * message
    np.testing.assert_allclose(operation.oracle(asked, inputs, weights)["z"], z, atol=1e-12)


def test_mixing_is_channelwise_with_weights_of_all_edges_and_a_linear_layer():
    """w[e, path, u] = 1, then W[path, u, w] on the sums: the two forms of a shared weight."""
    asked = PROBLEMS["o3-full"]
    inputs, weights = drawn(MIXING, asked)
    ones = {"w": np.ones(CHANNELWISE.weights(asked)["w"].shape)}
    sums = CHANNELWISE.oracle(asked, inputs, ones)["z"]
    z = np.zeros(MIXING.outputs(asked)["z"].shape)
    for path, w in zip(paths_of(asked), weights["w"], strict=True):
        place = slice(path.ir3.l**2, (path.ir3.l + 1) ** 2)
        z[..., place] += np.einsum("nuk,uw->nwk", sums[..., path.out], w)
    assert relative(z, MIXING.oracle(asked, inputs, weights)["z"]) < 1e-13


@pytest.mark.parametrize(("operation", "symmetry"), [(ESCN, "so3"), (ESCN_O3, "o3")])
def test_escn_is_mixing_in_other_weights(operation, symmetry):
    """On one question, by the change of basis of each pair of degrees."""
    asked = problem("full", 2, symmetry, data="lattice:9x4", channels=2, dtype="float64")
    inputs, weights = drawn(MIXING, asked)
    z = MIXING.oracle(asked, inputs, weights)["z"]
    rows = {}
    for path, w in zip(paths_of(asked), weights["w"], strict=True):
        rows.setdefault((path.ir3.l, path.ir1.l), {})[path.ir2.l] = w
    h = []
    for order in orders_of(asked, operation is ESCN_O3):
        low = abs(order.o - order.i)
        line = order.m + (min(order.o, order.i) if order.odd else 0)
        change = bijection(order.i, order.o)[line]
        h.append(sum(change[l2 - low] * w for l2, w in rows[order.o, order.i].items()))
    found = operation.oracle(
        asked, operation.taken(FAMILY.draw(asked, Streams(0))), {"h": np.array(h)}
    )["z"]
    assert relative(found, z) < 1e-12


def test_coefficients_are_those_of_the_oracle():
    asked = problem("truncated", 2, data="edges:H2@1", channels=1, given="harmonics")
    edges, paths = graph_of(asked), paths_of(asked)
    weights = {"w": np.ones(CHANNELWISE.weights(asked)["w"].shape)}
    found = np.zeros((9, 9, CHANNELWISE.outputs(asked)["z"].shape[-1]))
    for i in range(9):
        for j in range(9):
            x, sh = np.zeros((2, 1, 9)), np.zeros((2, 9))
            x[edges.src[0], 0, i], sh[0, j] = 1, 1
            inputs = {"x": x, "sh": sh, "src": edges.src, "dst": edges.dst}
            found[i, j] = CHANNELWISE.oracle(asked, inputs, weights)["z"][edges.dst[0], 0]
    coefficients = CHANNELWISE.coefficients(asked)
    assert len(coefficients) == len(paths)
    for i3, path in enumerate(paths):
        value = coefficients[path.i1, path.i2, i3]
        expected = value * wigner_3j(path.ir1.l, path.ir2.l, path.ir3.l)
        np.testing.assert_allclose(found[path.in1, path.in2, path.out], expected, atol=1e-12)


def test_number_of_paths_is_that_of_the_closed_forms():
    for lmax, (even, every) in {1: (4, 5), 2: (11, 15), 3: (23, 34)}.items():
        assert len(paths_of(problem("truncated", lmax))) == even
        assert len(paths_of(problem("truncated", lmax, "so3"))) == every
    for lmax, (even, every) in {1: (5, 6), 2: (14, 19), 4: (55, 85)}.items():
        assert len(paths_of(problem("full", lmax))) == even
        assert len(paths_of(problem("full", lmax, "so3"))) == every


def test_outputs_are_sorted_and_weights_are_as_many_as_said(asked):
    paths, edges, channels = paths_of(asked), counts_of(asked)[1], asked.sizes["channels"]
    keys = [(p.ir3.l, p.ir3.p, p.ir1.l, p.ir1.p, p.ir2.l, p.ir2.p) for p in paths]
    assert keys == sorted(keys)
    assert CHANNELWISE.outputs(asked)["z"].irreps == str(output_irreps(paths))
    assert MIXING.outputs(asked)["z"].irreps == str(reached(asked))
    assert [ir for _, ir in reached(asked)] == sorted({p.ir3 for p in paths})
    each, shared = CHANNELWISE.weights(asked)["w"], MIXING.weights(asked)["w"]
    assert (each.shape, each.axis) == ((edges, len(paths), channels), "edges")
    assert (shared.shape, shared.axis) == ((len(paths), channels, channels), "")


def test_cost_of_a_product_of_scalars():
    asked = problem("truncated", 0, data="edges:CH4@2", channels=3, given="harmonics")
    reals = 5 * 3 * (1 + 1) + 20 * (1 + 1 * 3)
    assert CHANNELWISE.cost(asked) == {
        "flops": 20.0 * (2 + 3 * 4),
        "bytes": 4.0 * reals + 8.0 * 2 * 20,
    }
    vectors = asked.with_sizes(given="vectors")
    assert CHANNELWISE.cost(vectors)["bytes"] - CHANNELWISE.cost(asked)["bytes"] == 4.0 * 20 * 2
    assert MIXING.cost(vectors) == {
        "flops": 20.0 * (2 + 3 * 3) + 5 * 2 * 9,
        "bytes": 4.0 * (5 * 3 * 2 + 20 * 3 + 9) + 8.0 * 2 * 20,
    }


def test_refusals():
    empty = problem("truncated", 1).with_sizes(irreps_out="1x0o")
    for operation in OPERATIONS.values():
        refusal = operation.supports(empty)
        assert refusal is not None and "empty output" in str(refusal) and "1x0o" in str(refusal)
        assert operation.supports(problem("truncated", 1)) is None
    half = replace(problem("truncated", 1), dtype="bfloat16")
    for name in NAMES:
        supports = REGISTRY.implementation(name).supports
        assert "given=harmonics" in str(supports(half, Target()))
        assert supports(half.with_sizes(given="harmonics"), Target()) is None
    far = problem("full", 6)
    assert "degree 12" in str(
        REGISTRY.implementation("channelwise.torch_e3nn").supports(far, Target())
    )
    assert REGISTRY.implementation("channelwise.torch_dense").supports(far, Target()) is None


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
    parity = merged(
        irreps_of(model("sevennet-mf-ompa"))[0], paths_of(model("sevennet-mf-ompa")), 32
    )
    assert labels(parity.node, 32) == "128x0e+64x1o+32x2e+32x3o" and len(parity.lines) == 23
    single = merged(irreps_of(model("mace"))[0], paths_of(model("mace")), 128)
    assert single.weights is None and len(single.lines) == 10


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_of_any_irreps(operation, asked, agrees):
    agrees(operation, asked)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_all_symmetries_of_edges_are_claimed(operation):
    assert set(FAMILY.group(PROBLEMS["o3-full"]).subgroups) == set(operation.exact)


def test_isolated_nodes_receive_nothing(implementation, judge):
    operation, asked = OPERATIONS[implementation.operation], PROBLEMS["o3-truncated"]
    inputs, weights = drawn(operation, asked)
    inputs = dict(inputs, dst=np.zeros_like(inputs["dst"]))
    got = judge.value(implementation, asked, inputs, weights)["z"]
    assert not got[1:].any() and got[0].any()
