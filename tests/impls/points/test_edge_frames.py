"""Frames of edges: irreps of O(2) as complex numbers, their gate, and all of their products."""

from dataclasses import replace

import numpy as np
import pytest

from impls.families.points import FAMILY, ask, problem
from impls.implementation import Target
from impls.points.circle import components_of, feature_of, numbers_of, turned
from impls.points.edge_contraction.operation import OPERATION as CONTRACTION
from impls.points.edge_contraction.operation import paths_of
from impls.points.edge_gate.operation import OPERATION as GATE
from impls.points.edge_gate.operation import gates_of, reached_by
from impls.registry import load
from impls.so3.irreps import Irreps
from impls.so3.rotations import axis_angle, representation
from impls.streams import Streams

REGISTRY = load()
OPERATIONS = {"edge_gate": GATE, "edge_contraction": CONTRACTION}
POLES = np.array([[0, 1, 0], [0, -1, 0], [1, 0, 0], [0, 0, -1], [1e-9, -1, 1e-9]])
SMALL = {"data": "isotropic:4x2", "channels": 2, "dtype": "float64"}
BOTH = "0e+0o+1o+1e+2e+2o"
REFLECTION = np.diag([-1.0, 1.0, 1.0])

PROBLEMS = {
    "natural": problem("full", 3, **SMALL),
    "both": ask(
        irreps_node=BOTH, irreps_edge="0e+1o+2e+3o+4e+5o", irreps_out=f"{BOTH}+3e", **SMALL
    ),
    "unsorted": ask(
        irreps_node="2e+0e+1o+1e", irreps_edge="2e+0e+3o+1o+4e", irreps_out="1e+2o+0o", **SMALL
    ),
    "scalars": problem("full", 0, **SMALL),
}


def along(irreps_node, irreps_edge, irreps_out):
    """Return the question of one node and one edge each way, of a single channel."""
    ends = {"irreps_node": irreps_node, "irreps_edge": irreps_edge, "irreps_out": irreps_out}
    return ask(**ends, data="lattice:2x1", channels=1, dtype="float64")


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
@pytest.mark.parametrize("asked", PROBLEMS.values(), ids=PROBLEMS)
def test_of_any_irreps_with_edges_on_the_poles(asked, operation, agrees, judge):
    inputs, weights = judge.draw(FAMILY, operation, asked)
    inputs["v"][: len(POLES)] = POLES
    agrees(operation, asked, (inputs, weights))


def test_frames_of_the_oracle_are_rotations_to_the_polar_axis():
    v = np.concatenate([POLES, np.random.default_rng(0).standard_normal((20, 3))])
    found = turned(Irreps.parse("1o"), v)
    np.testing.assert_allclose(np.linalg.det(found), 1, atol=1e-14)
    up = np.linalg.norm(v, axis=1)[:, None] * [0, 1, 0]
    np.testing.assert_allclose(np.einsum("eij,ej->ei", found, v), up, atol=1e-14)


def test_a_turn_is_a_phase_and_a_reflection_the_conjugate():
    irreps, angle = Irreps.parse(f"{BOTH}+3o+3e"), 0.7
    x = np.random.default_rng(0).standard_normal((5, irreps.dim))
    c = numbers_of(irreps, x)
    assert set(c) == {(part.item, part.m) for part in components_of(irreps)}
    turn = numbers_of(irreps, x @ representation(irreps, axis_angle([0, 1, 0], angle)).T)
    mirror = numbers_of(irreps, x @ representation(irreps, REFLECTION).T)
    directions = set()
    for (item, m), value in c.items():
        np.testing.assert_allclose(mirror[item, m], value.conj(), atol=1e-13)
        phase = turn[item, m] / value
        np.testing.assert_allclose(np.abs(phase), 1, atol=1e-12)
        np.testing.assert_allclose(phase, phase[0], atol=1e-12)
        if m:
            directions.add(round(float(np.angle(phase[0]) / m / angle), 9))
    assert directions in ({1.0}, {-1.0})
    np.testing.assert_allclose(feature_of(irreps, c), x, atol=1e-14)


@pytest.mark.parametrize(("inside", "out"), [("0e+1o+2e", "0e+1o+2e"), ("0o+1o+1e", "0e+0o+1e+2e")])
def test_paths_are_all_products_that_the_stabiliser_allows(inside, out):
    """As many as the null space of what commutes with O(2) has dimensions, and independent."""
    first, last = Irreps.parse(inside), Irreps.parse(out)
    rows = []
    for g in (axis_angle([0, 1, 0], 0.7), REFLECTION):
        d, w = representation(first, g), representation(last, g)
        rows.append(np.kron(w, np.eye(first.dim**2)) - np.kron(np.eye(last.dim), np.kron(d, d).T))
    singular = np.linalg.svd(np.concatenate(rows), compute_uv=False)
    dimension = int(np.sum(singular < 1e-10))
    assert singular[singular >= 1e-10].min() > 1e-3
    asked = ask(
        irreps_node=inside, irreps_edge="0e+1o+2e+3o+4e", irreps_out=out, data="isotropic:40x1",
        channels=dimension, dtype="float64",
    )  # fmt: skip
    assert len(paths_of(asked)) == dimension
    inputs = CONTRACTION.taken(FAMILY.draw(asked, Streams(0)))
    inputs["x"] = np.repeat(inputs["x"][:, :1], dimension, 1)
    maps = CONTRACTION.oracle(asked, inputs, {"w": np.eye(dimension)})["z"].swapaxes(0, 1)
    assert np.linalg.matrix_rank(maps.reshape(dimension, -1)) == dimension


def test_of_84_paths_of_degrees_up_to_two():
    assert len(paths_of(PROBLEMS["scalars"])) == 1
    assert len(paths_of(problem("full", 2))) == 14 * 3 + 16 * 2 + 10


def test_contraction_of_vectors_in_closed_form(judge):
    """0e: products along and across the edge; 0o: the triple product with its direction."""
    asked = along("1o", "1o", "0e+0o")
    inputs, weights = judge.draw(FAMILY, CONTRACTION, asked)
    (w0,), (w1,), (w2,) = weights["w"]
    z = CONTRACTION.oracle(asked, inputs, weights)["z"]
    for src, dst, v in zip(inputs["src"], inputs["dst"], inputs["v"], strict=True):
        n, (a,), (b,) = v / np.linalg.norm(v), inputs["x"][src], inputs["x"][dst]
        both = (a @ n) * (b @ n)
        assert z[dst, 0, 0] == pytest.approx(w0 * both + w1 * (a @ b - both), abs=1e-13)
        assert abs(z[dst, 0, 1]) == pytest.approx(abs(w2 * (n @ np.cross(a, b))), abs=1e-13)


def test_gate_of_vectors_in_closed_form(judge):
    """What is along the edge is an invariant: it is activated, and gates what is across."""
    asked = along("1o", "0e+1o+2e", "1o")
    inputs, weights = judge.draw(FAMILY, GATE, asked)
    (h0, h1), g = weights["h"][:, 0, 0], weights["g"][0, 0, 0]
    z = GATE.oracle(asked, inputs, weights)["z"]
    for src, dst, v in zip(inputs["src"], inputs["dst"], inputs["v"], strict=True):
        n, (a,) = v / np.linalg.norm(v), inputs["x"][src]
        s = a @ n
        wanted = h0 * s / (1 + np.exp(-h0 * s)) * n + h1 / (1 + np.exp(-g * s)) * (a - s * n)
        np.testing.assert_allclose(z[dst, 0], wanted, atol=1e-13)


def test_numbers_of_weights():
    asked = PROBLEMS["both"]
    kinds = [part.kind for part in reached_by(asked)]
    assert (kinds.count("0e"), kinds.count("0o")) == (3, 4)  # 3e has a 0o
    assert GATE.weights(asked)["g"].shape == ((len(kinds) - 3) * 3, 2, 2)
    assert len(gates_of(problem("full", 2))) == 3 * 3  # of 1, 1 and 2, by three invariants
    assert CONTRACTION.weights(asked)["w"].shape == (len(paths_of(asked)), 2)


def test_a_gate_that_reads_0o_breaks_inversion(judge):
    """A pseudoscalar that is taken for a scalar: what the label 0e of the input is there for."""
    asked = problem("full", 1, **SMALL)
    inputs, weights = judge.draw(FAMILY, GATE, asked)
    z = GATE.oracle(asked, inputs, weights)["z"]
    moved = {}
    for name, first in (("scalar", 1), ("pseudoscalar", -1)):
        signs = np.array([first, -1, -1, -1])
        changed = inputs | {"x": inputs["x"] * signs, "v": -inputs["v"]}
        found = GATE.oracle(asked, changed, weights)["z"]
        moved[name] = np.abs(found - z * signs).max() / np.abs(z).max()
    assert moved["scalar"] < 1e-13 and moved["pseudoscalar"] > 0.1


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_refusals(operation):
    asked = problem("full", 2, **SMALL)
    assert operation.supports(asked) is None
    refusal = str(operation.supports(problem("full", 2, "so3", **SMALL)))
    assert "without parity" in refusal and "irreps with parity" in refusal
    assert "given=vectors" in str(operation.supports(asked.with_sizes(given="harmonics")))
    assert "setting full" in str(operation.supports(problem("truncated", 2, **SMALL)))
    half = replace(asked, dtype="bfloat16")
    implementation = REGISTRY.implementation(f"{operation.name}.torch_frame")
    assert "bfloat16" in str(implementation.supports(half, Target()))


def test_a_gate_needs_something_to_read():
    asked = along("1e", "0e+1o+2e", "1e")
    assert "none has an invariant along an edge" in str(GATE.supports(asked))
    assert CONTRACTION.supports(asked) is None


def test_what_inversion_forbids():
    """A vector has no pseudoscalar along an edge, two vectors have one, two scalars have none."""
    assert "identically zero" in str(GATE.supports(along("1o", "0e", "0o")))
    assert CONTRACTION.supports(along("1o", "0e", "0o")) is None
    assert "identically zero" in str(CONTRACTION.supports(along("0e", "0e", "0o")))
