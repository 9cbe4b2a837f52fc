"""Edge convolutions: SO(2) maps are products with harmonics; frames; symmetry."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.derivative import directional
from bench.measuring.probes import probes
from impls.backends import load as backend
from impls.families.points import FAMILY, ask, irreps_of, problem
from impls.implementation import Target
from impls.points.escn import in_frame
from impls.points.escn.block import Blocks
from impls.points.escn.frame import frames
from impls.points.escn.operation import ESCN as OPERATION
from impls.points.escn.operation import ESCN_O3 as RESTRICTED
from impls.points.escn.operation import M_MAX, Path, bijection, harmonic_weights, paths_of
from impls.pointwise.wigner import Wigner
from impls.registry import load
from impls.so3.harmonics import spherical_harmonics
from impls.so3.rotations import axis_angle, wigner_d
from impls.so3.wigner import clebsch_gordan
from impls.streams import Streams
from tests.bench.planting import opened, planted

REGISTRY = load()
OPERATIONS = {"escn": OPERATION, "escn_o3": RESTRICTED}
POLES = np.array([[0, 1, 0], [0, -1, 0], [1, 0, 0], [0, 0, -1], [1e-9, -1, 1e-9]])


def named(name):
    return OPERATIONS[name.partition(".")[0]], REGISTRY.implementation(name)


SMALL = {"data": "isotropic:4x2", "channels": 2, "dtype": "float64"}


def small(lmax, symmetry="o3"):
    return problem("full", lmax, symmetry, **SMALL)


PROBLEMS = {
    "cut": ask(
        irreps_node="0e+1o+2e+3o", irreps_edge="0e+1o+2e+3o+4e+5o", irreps_out="0e+1o+2e", **SMALL
    ).at(m_max=1),
    "unsorted": ask(
        irreps_node="2e+0e+1o+1e", irreps_edge="2e+0e+3o+1o+4e", irreps_out="1e+2o+0o", **SMALL
    ),
}


def drawn(asked, operation, judge):
    """Return arrays, with some edges on the poles and on the seam of the two charts."""
    inputs, weights = judge.draw(FAMILY, operation, asked)
    inputs["v"][: len(POLES)] = POLES
    return inputs, weights


def relative(found, wanted):
    assert found.shape == wanted.shape
    return np.abs(found - wanted).max() / np.abs(wanted).max()


@pytest.mark.parametrize(
    ("lmax", "whole", "cut", "restricted"),
    [(1, 6, 6, 5), (2, 19, 19, 14), (4, 85, 75, 55), (6, 231, 171, 140)],
)
def test_number_of_weights(lmax, whole, cut, restricted):
    asked = problem("full", lmax)
    pairs = [(a, b) for a in range(lmax + 1) for b in range(lmax + 1)]
    assert sum(2 * min(p) + 1 for p in pairs) == len(paths_of(asked, False))
    assert sum(min(p) + 1 for p in pairs) == len(paths_of(asked, True))
    assert len(paths_of(asked, False)) == whole
    assert len(paths_of(asked.at(m_max=min(2, lmax)), False)) == cut
    assert len(paths_of(asked, True)) == restricted
    assert len(paths_of(asked.at(m_max=0), False)) == (lmax + 1) ** 2
    assert M_MAX.of(asked) == lmax and M_MAX.values(asked) == tuple(range(lmax + 1))


@pytest.mark.parametrize(("l_in", "l_out"), [(0, 3), (1, 1), (2, 3), (4, 2), (4, 4)])
def test_bijection_is_orthogonal_and_separates_parities(l_in, l_out):
    matrix, low = bijection(l_in, l_out), min(l_in, l_out)
    assert matrix.shape == (2 * low + 1, 2 * low + 1)
    weight = np.diag([1] + [2] * 2 * low)  # each m >= 1 stands in two places
    wanted = (2 * l_out + 1) * np.eye(2 * low + 1)
    np.testing.assert_allclose(matrix.T @ weight @ matrix, wanted, atol=1e-12)
    for n, l2 in enumerate(range(abs(l_in - l_out), l_in + l_out + 1)):
        odd = (l_in + l_out + l2) % 2
        others = matrix[: low + 1, n] if odd else matrix[low + 1 :, n]
        np.testing.assert_allclose(others, 0, atol=1e-13)


@pytest.mark.parametrize("lmax", [1, 2, 3, 4])
def test_so2_map_is_the_clebsch_gordan_product_with_the_harmonics(lmax, judge):
    """Both ways: h from weights of products, and products from h."""
    asked = small(lmax, "so3")
    inputs, weights = drawn(asked, OPERATION, judge)
    rng = np.random.default_rng(0)
    sh = spherical_harmonics(2 * lmax, inputs["v"], "component")
    z, h = np.zeros((4, 2, (lmax + 1) ** 2)), []
    for l3 in range(lmax + 1):
        for l1 in range(lmax + 1):
            w = rng.standard_normal((2 * min(l1, l3) + 1, 2, 2))
            h.append(np.tensordot(bijection(l1, l3), w, 1))
            x = inputs["x"][inputs["src"]][..., l1**2 : (l1 + 1) ** 2]
            for l2, matrix in enumerate(w, start=abs(l1 - l3)):
                tensor, y = clebsch_gordan(l1, l2, l3), sh[:, l2**2 : (l2 + 1) ** 2]
                message = np.einsum("ijk,eui,ej,uw->ewk", tensor, x, y, matrix, optimize=True)
                np.add.at(z[..., l3**2 : (l3 + 1) ** 2], inputs["dst"], message)
    h = np.concatenate(h)
    built = REGISTRY.implementation("escn.numpy_so2").build(asked, Target(), {})
    found = built.call(inputs, {"h": h})["z"]
    assert relative(found, z) < 1e-12
    back = np.concatenate(list(harmonic_weights(asked, False, h).values()))
    again = built.call(inputs, weights)["z"]
    assert back.shape == h.shape
    assert relative(again, OPERATION.oracle(asked, inputs, weights)["z"]) < 1e-12


def test_a_turn_about_the_edge_cancels():
    """The formula of the docstring, with NumPy's own Wigner matrices in two frames of one edge."""
    asked = problem("full", 2, "so3", data="edges:H2@1", channels=1, dtype="float64")
    rng = np.random.default_rng(4)
    inputs = FAMILY.draw(asked, Streams(0))
    h = rng.standard_normal(OPERATION.weights(asked)["h"].shape)
    (sender, receiver), v = (inputs[name][0] for name in ("src", "dst")), inputs["v"][0]
    rotation = frames(inputs["v"], backend("numpy", asked, Target()))[0]
    for angle in (0.0, 1.3):
        turned = axis_angle([0, 1, 0], angle) @ rotation
        np.testing.assert_allclose(turned @ v, [0, np.linalg.norm(v), 0], atol=1e-14)
        d = [wigner_d(n, turned) for n in range(3)]
        z = [np.zeros(2 * n + 1) for n in range(3)]
        for path, (value,) in zip(paths_of(asked, False), h[:, 0], strict=True):
            x = d[path.i] @ inputs["x"][sender, 0, path.i**2 : (path.i + 1) ** 2]
            plus, minus = x[path.i + path.m], x[path.i - path.m]
            if path.odd:
                z[path.o][path.o + path.m] -= value * minus
                z[path.o][path.o - path.m] += value * plus
            else:
                z[path.o][path.o + path.m] += value * plus
                z[path.o][path.o - path.m] += value * minus if path.m else 0
        z = np.concatenate([a.T @ b for a, b in zip(d, z, strict=True)])
        found = OPERATION.oracle(asked, inputs, {"h": h})["z"]
        assert relative(z, found[receiver, 0]) < 1e-12


ROLLED = [
    *(f"escn.numpy_{name}" for name in ("so2", "block", "padded")),
    "escn_o3.numpy_so2",
    "edge_gate.numpy_frame",
    "edge_contraction.numpy_frame",
    "gaunt_convolution.numpy_frame",
]


def rolled(seed=0):
    """Return frames of edges that are turned about their edge by angles drawn anew in each call."""
    rng = np.random.default_rng(seed)

    def found(v, b):
        turns = [axis_angle([0, 1, 0], angle) for angle in rng.uniform(0, 2 * np.pi, len(v))]
        return np.array(turns) @ frames(v, b)

    return found


@pytest.mark.parametrize("name", ROLLED)
@pytest.mark.parametrize("data", ["poles:23x5", "axis:9x2"])
def test_a_random_roll_about_each_edge_changes_nothing(name, data, judge, monkeypatch):
    """Also of edges along +y and -y and near them, where a frame could not be told from another."""
    asked = problem("full", 2, data=data, channels=2, dtype="float64")
    implementation = REGISTRY.implementation(name)
    arrays = judge.draw(FAMILY, REGISTRY.operation(implementation.operation), asked)
    plain = judge.value(implementation, asked, *arrays)["z"]
    monkeypatch.setattr(in_frame, "frames", rolled())
    assert relative(judge.value(implementation, asked, *arrays)["z"], plain) < 1e-12


def test_a_roll_that_a_map_sees_is_caught_as_calls_that_differ(monkeypatch):
    """An activation of components in the frame is no map of SO(2): its answer has a roll in it."""
    asked = problem("full", 2, data="poles:23x5", channels=2, dtype="float64")

    def seen(honest, inputs, weights):
        b, rows = backend("numpy", asked, Target()), in_frame.Rows(irreps_of(asked)[0], 2)
        call = in_frame.in_frame(rows, rows, lambda x, _: np.maximum(x, 0), b)
        return call(inputs, weights)

    def answers():
        built = opened(*planted("escn.numpy_so2", seen), asked)
        return {r.probe for r in probes()["conduct"].measure(built) if r.passed is False}

    assert "conduct.deterministic" not in answers()
    monkeypatch.setattr(in_frame, "frames", rolled())
    assert "conduct.deterministic" in answers()


def test_frames_are_rotations_everywhere():
    asked = small(5)
    v = np.concatenate([POLES, np.random.default_rng(0).standard_normal((50, 3))])
    b = backend("numpy", asked, Target())
    rotations = frames(v, b)
    squares = rotations @ rotations.swapaxes(1, 2)
    np.testing.assert_allclose(squares, np.tile(np.eye(3), (55, 1, 1)), atol=1e-14)
    np.testing.assert_allclose(np.linalg.det(rotations), 1, atol=1e-14)
    up = np.linalg.norm(v, axis=1)[:, None] * [0, 1, 0]
    np.testing.assert_allclose(np.einsum("eij,ej->ei", rotations, v), up, atol=1e-14)
    for degree, matrices in enumerate(Wigner(5, b)(rotations)):
        np.testing.assert_allclose(matrices - wigner_d(degree, rotations), 0, atol=1e-13)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
@pytest.mark.parametrize("asked", PROBLEMS.values(), ids=PROBLEMS)
def test_of_any_irreps_with_edges_on_the_poles(asked, operation, agrees, judge):
    agrees(operation, asked, drawn(asked, operation, judge))


@pytest.mark.parametrize("lmax", [0, 1, 3])
def test_other_layouts_are_the_same_map_at_each_order(lmax, agrees):
    """One matrix of h and k for each order, and all orders padded to one size."""
    asked = small(lmax, "so3")
    for m_max in M_MAX.values(asked):
        agrees(OPERATION, asked.at(m_max=m_max))


def test_a_block_has_h_on_its_diagonal_and_k_beside_it():
    """[[H, K], [-K, H]] of two inputs and one output, of which one input has no order 2."""
    paths = (Path(0, 0, False, 1), Path(0, 0, True, 1), Path(0, 1, False, 1), Path(0, 1, True, 1))
    h = np.array([2.0, 3.0, 5.0, 7.0])[:, None, None]
    b = backend("numpy", small(1), Target())
    (found,) = Blocks(paths, [1], [0, 1], [0], b)(h)
    np.testing.assert_array_equal(found, [[2, 3], [5, 7], [-3, 2], [-7, 5]])
    (zeros,) = Blocks(paths[:2], [1], [0, 1], [0], b)(h)
    np.testing.assert_array_equal(zeros, [[2, 3], [0, 0], [-3, 2], [0, 0]])


@pytest.mark.parametrize("name", ["torch_so2", "jax_so2"])
def test_gradients_on_the_poles(name, judge):
    """Two charts cover all directions: the one that is not taken must not enter."""
    asked, rng = PROBLEMS["cut"], np.random.default_rng(1)
    inputs, weights = drawn(asked, OPERATION, judge)
    c = {"z": rng.standard_normal(OPERATION.outputs(asked)["z"].shape)}
    implementation = REGISTRY.implementation(f"escn.{name}")
    _, gradients = judge.differentiated(implementation, asked, inputs, weights, c)
    for edge in range(len(POLES)):
        d = np.zeros(inputs["v"].shape)
        d[edge] = rng.standard_normal(3) * np.linalg.norm(inputs["v"][edge])
        derivative = directional(
            lambda i, w: OPERATION.oracle(asked, i, w),
            inputs, weights, {"v": d}, {}, c, OPERATION.linear_in,
        )  # fmt: skip
        # v enters through harmonics, so that its derivative is a difference quotient
        assert np.vdot(gradients["v"], d) == pytest.approx(derivative, rel=1e-8)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_claims_rotations_and_inversion_only_where_it_holds(operation, judge):
    operation, implementation = named(f"{operation}.numpy_so2")
    asked = small(2).at(m_max=1) if operation is OPERATION else PROBLEMS["unsorted"]
    arrays = drawn(asked, operation, judge)
    subgroups = FAMILY.group(asked).subgroups
    elements = [
        subgroups[s].sample(np.random.default_rng(5), 1)[0]
        for s in ("rotation", "permutation", "inversion")
    ]
    *held, inverted = judge.symmetry(FAMILY, operation, implementation, asked, *arrays, elements)
    assert max(held) < 1e-11
    keeps = operation is RESTRICTED
    assert ("inversion" in operation.exact) == keeps
    assert inverted < 1e-11 if keeps else inverted > 0.1


def test_inversion_fails_because_of_k_alone(judge):
    asked = small(2)
    inputs, weights = drawn(asked, OPERATION, judge)
    (g,) = FAMILY.group(asked).subgroups["inversion"].sample(np.random.default_rng(0), 1)
    even = np.array([not path.odd for path in paths_of(asked, False)])
    weights = {"h": weights["h"] * even[:, None, None]}
    spaces = FAMILY.inputs(asked)
    moved = {k: spaces[k].act(g, a) for k, a in inputs.items()}
    z = OPERATION.oracle(asked, inputs, weights)["z"]
    found = OPERATION.oracle(asked, moved, weights)["z"]
    assert relative(found, OPERATION.outputs(asked)["z"].act(g, z)) < 1e-12
    restricted = RESTRICTED.oracle(asked, inputs, {"h": weights["h"][even]})["z"]
    assert relative(restricted, z) < 1e-13


def test_a_coarser_knob_leaves_out_orders_and_keeps_the_rest():
    """At m_max the map is the whole one with the weights of higher orders zero."""
    asked = small(3)
    rng = np.random.default_rng(2)
    inputs, h = FAMILY.draw(asked, Streams(0)), rng.standard_normal((44, 2, 2))
    orders = np.array([path.m for path in paths_of(asked, False)])
    for m_max in M_MAX.values(asked):
        kept = orders <= m_max
        cut = OPERATION.oracle(asked.at(m_max=m_max), inputs, {"h": h[kept]})["z"]
        whole = OPERATION.oracle(asked, inputs, {"h": h * kept[:, None, None]})["z"]
        assert relative(cut, whole) < 1e-13


def test_gate_of_the_engine_reports_inversion_and_does_not_judge_it():
    from bench.measuring.built_case import build
    from bench.measuring.probes.gate import equiv
    from bench.record.case import Case
    from impls.registry import Registry

    registry, readings = Registry(), {}
    for operation in OPERATIONS:
        for thing in (FAMILY, *named(f"{operation}.torch_so2")):
            registry.add(thing, __file__)
        case = Case(small(2), f"{operation}.torch_so2", "fwd", "eager", Target())
        readings[operation] = {r.probe: r for r in equiv(build(case, registry))}
    free = readings["escn"]["equiv.inversion"]
    assert not free.claimed and free.passed is None and free.value > 0.1
    assert readings["escn"]["equiv.rotation"].passed
    assert readings["escn_o3"]["equiv.inversion"].passed


def test_refusals():
    assert "without parity" in str(RESTRICTED.supports(small(2, "so3")))
    pseudo = ask(irreps_node="0e+1o", irreps_edge="0e+1o", irreps_out="0o", **SMALL)
    assert "identically zero" in str(RESTRICTED.supports(pseudo))
    assert OPERATION.supports(pseudo) is None
    for m_max in (-1, 3, 1.5, True):
        assert f"knob m_max={m_max!r}: orders of these irreps are 0..2" in str(
            OPERATION.supports(small(2).at(m_max=m_max))
        )
    harmonics = small(2).with_sizes(given="harmonics")
    assert "given=vectors" in str(OPERATION.supports(harmonics))
    for operation in OPERATIONS.values():
        assert operation.supports(small(2)) is None
        refusal = str(operation.supports(problem("truncated", 2, **SMALL)))
        assert "harmonics of degree 3, 4 too" in refusal and "setting full" in refusal
    half = replace(small(1), dtype="bfloat16")
    assert "bfloat16" in str(named("escn.torch_so2")[1].supports(half, Target()))
    assert named("escn.torch_so2")[1].supports(small(1), Target()) is None
