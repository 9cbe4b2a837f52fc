"""SEGNN: by e3nn's modules, EGNN as its case of invariants, isolated nodes, mirrors, refusals."""

import re

import numpy as np
import pytest

from impls.families.points import FAMILY, ask, edge_harmonics, irreps_of, problem
from impls.inputs.named import cutoff_of
from impls.layers.egnn.operation import OPERATION as EGNN
from impls.layers.segnn.operation import OPERATION, attributes, gated_of, trivial
from impls.registry import load

BOTH = ask(
    irreps_node="0e+0o+1o+1e", irreps_edge="0e+1o", data="lattice:9x4", channels=2, dtype="float64"
)
PROBLEMS = {
    "natural": problem("truncated", 2, data="lattice:9x4", channels=3, dtype="float64"),
    "degrees": problem("truncated", 1, "so3", data="edges:CH4@2", channels=2, dtype="float64"),
    "full": problem("full", 1, data="lattice:7x3", channels=2, dtype="float64"),
    "both parities": BOTH,
    "in another order": ask(
        irreps_node="2e+0e+1o", irreps_edge="2e+0e+1o+3o", data="lattice:9x4", channels=2,
        dtype="float64",
    ),
}  # fmt: skip


@pytest.mark.parametrize("asked", PROBLEMS.values(), ids=PROBLEMS)
def test_equal_to_the_layer_of_e3nn_modules(asked, judge, distance):
    """o3.FullyConnectedTensorProduct and nn.Gate, after a change of layout and of constants."""
    e3nn = load().implementation("segnn_layer.torch_e3nn")
    if e3nn.missing():
        pytest.skip(str(e3nn.missing()))
    inputs, weights = judge.draw(FAMILY, OPERATION, asked)
    wanted = OPERATION.oracle(asked, inputs, weights)["z"]
    assert distance(judge.value(e3nn, asked, inputs, weights)["z"], wanted) < 1e-12
    for part in irreps_of(asked)[2].slices():
        assert np.abs((wanted - inputs["x"])[..., part]).max() > 1e-2


@pytest.mark.parametrize("data", ["lattice:9x4", "placed:6x11", "placed:4x0"])
def test_of_invariants_alone_it_is_egnn(data, judge, distance):
    """What EGNN does to invariants, not to positions: the attribute is 1, each map a linear one."""
    names = {"data": data, "channels": 3, "dtype": "float64"}
    asked = ask(irreps_node="0e", irreps_edge="0e", **names)
    other = ask(irreps_node="0e", irreps_edge="0e+1o", irreps_out="0e+1o", **names)
    inputs, weights = judge.draw(FAMILY, OPERATION, asked)
    positions, moved = judge.draw(FAMILY, EGNN, other)
    assert all(np.array_equal(positions[n], inputs[n]) for n in ("x", "src", "dst"))
    for name, mine in (("edge", ("M1", "M2")), ("node", ("U1", "U2"))):
        for n, one in enumerate(mine, start=1):
            rows = [weights[f"{one}_W"][0], weights.get(f"{one}_D", np.zeros((0, 3)))]
            moved[f"{name}_W{n}"], moved[f"{name}_b{n}"] = np.vstack(rows), weights[f"{one}_b"][0]
    wanted = EGNN.oracle(other, positions, moved)["h"]
    assert distance(OPERATION.oracle(asked, inputs, weights)["z"], wanted) < 1e-13


@pytest.mark.parametrize("first", ["edges", "nodes"])
@pytest.mark.parametrize("asked", PROBLEMS.values(), ids=PROBLEMS)
def test_the_first_map_is_the_same_at_nodes_and_at_edges(asked, first, agrees):
    for data in (asked.data, "loose:5x17", "loose:4x0"):
        names = dict(
            zip(("irreps_node", "irreps_edge", "irreps_out"), irreps_of(asked), strict=True)
        )
        agrees(
            OPERATION,
            ask(**names, data=data, channels=2, dtype="float64"),
            options={"first": first},
        )


def test_a_node_without_edges_has_the_trivial_attribute(judge):
    asked = PROBLEMS["natural"]
    inputs, _ = judge.draw(FAMILY, OPERATION, asked)
    away = inputs["dst"] != 3
    sh, dst = edge_harmonics(asked, inputs)[away], inputs["dst"][away]
    found = attributes(asked, sh, dst, 9)
    np.testing.assert_array_equal(found[3], trivial(asked))
    np.testing.assert_array_equal(found[3], [1] + 8 * [0])
    np.testing.assert_allclose(found[:, 0], 1)
    assert np.abs(np.delete(found, 3, 0)[:, 1:]).max() > 0.1


def test_it_has_no_cutoff(judge):
    """An edge beyond that of the graph counts as one within: there are no radial functions."""
    asked = problem("truncated", 1, data="loose:6x20", channels=2, dtype="float64")
    inputs, weights = judge.draw(FAMILY, OPERATION, asked)
    far, edges = {**inputs, "v": inputs["v"].copy()}, ("v", "src", "dst")
    far["v"][0] *= 1.2 * cutoff_of(asked) / np.linalg.norm(far["v"][0])
    gone = {**inputs, **{n: inputs[n][1:] for n in edges}}
    seen, without = (OPERATION.oracle(asked, each, weights)["z"] for each in (far, gone))
    assert np.abs(seen - without).max() > 1e-2


def test_a_gate_of_one_parity_is_what_keeps_inversion(judge):
    """A planted break: as if a pseudoscalar were an invariant, through silu and no gate."""
    inputs, weights = judge.draw(FAMILY, OPERATION, BOTH)
    (g,) = FAMILY.group(BOTH).subgroups["inversion"].sample(np.random.default_rng(0), 1)
    spaces = OPERATION.taken(FAMILY.inputs(BOTH))
    mirrored = {n: space.act(g, inputs[n]) for n, space in spaces.items()}
    out = OPERATION.outputs(BOTH)["z"]
    z, turned = (OPERATION.oracle(BOTH, each, weights)["z"] for each in (inputs, mirrored))
    np.testing.assert_allclose(turned, out.act(g, z), atol=1e-12)
    assert gated_of(BOTH) == (1, 2, 3)
    pseudo = irreps_of(BOTH)[0].slices()[1]
    silu = (a / (1 + np.exp(-a)) for a in (z[..., pseudo], turned[..., pseudo]))
    first, second = silu
    assert np.abs(first + second).max() > 1e-2


@pytest.mark.parametrize(
    ("irreps", "reason"),
    [
        (("0e+1o", "0e+1o", "0e+1o+2e"), "adds to the features of nodes"),
        (("1o", "2e", "1o"), "identically zero: .* 0e"),
        (("0e+3o", "0e", "0e+3o"), None),
        (("0e+0e", "0e", "0e+0e"), "repeated"),
    ],
)
def test_what_it_does_not_answer_is_refused_by_name(irreps, reason):
    names = dict(zip(("irreps_node", "irreps_edge", "irreps_out"), irreps, strict=True))
    refused = OPERATION.supports(ask(**names, channels=2))
    assert (refused is None) == (reason is None)
    assert reason is None or (re.search(reason, refused.reason) and refused.remedy)
    assert "lengths" in str(OPERATION.supports(problem("truncated", 1, given="harmonics")))


def test_cost_grows_with_edges_and_with_the_square_of_channels():
    def flops(near, channels):
        asked = problem("truncated", 1, data=f"lattice:64x{near}", channels=channels)
        return OPERATION.cost(asked)["flops"]

    assert flops(24, 64) - flops(16, 64) == pytest.approx(flops(16, 64) - flops(8, 64))
    assert 3.5 < flops(16, 128) / flops(16, 64) < 4
