"""Averages over frames and groups: the formula, what they tell apart, where they fail.

Eigenvectors are those of SciPy's solver, the activation a hyperbolic tangent.
"""

from itertools import product

import numpy as np
import pytest
from scipy.linalg import eigh

from impls.families.cloud import FAMILY, ask
from impls.groups.finite import ORDERS, rotations, turns
from impls.implementation import Target
from impls.layers.averaging.operation import (
    ALL,
    MINIMAL,
    OF_GROUP,
    RIGHT_HANDED,
    SAMPLED,
    count_of,
)
from impls.registry import load

REGISTRY = load()
BACKBONES = ("mlp", "deepsets")
OPERATIONS = (ALL, RIGHT_HANDED, SAMPLED, MINIMAL, OF_GROUP)
FRAMED = (ALL, RIGHT_HANDED, SAMPLED, MINIMAL)


def question(backbone="deepsets", points=6, batch=4, **options):
    return ask(points, backbone, channels=2, batch=batch, dtype="float64", **options)


def backbone_of(kind, x, w):
    """Return what the backbone says of one cloud x [points, 3 + channels]."""

    def silu(a):
        return a * (1 + np.tanh(a / 2)) / 2

    if kind == "mlp":
        return (w["B"] @ silu(w["A"] @ x.ravel() + w["a"])).reshape(x.shape)
    z = [silu(w["A"] @ row + w["a"]) for row in x]
    return np.array([w["B"] @ row + w["D"] @ np.mean(z, axis=0) for row in z])


def matrices_of(operation, asked, p, directions):
    """Return the matrices of one centred cloud."""
    v = eigh(p.T @ p)[1]
    signs = list(product((-1, 1), repeat=p.shape[1]))
    if operation is ALL:
        return [v @ np.diag(s) for s in signs]
    if operation is RIGHT_HANDED:
        return [q for q in (v @ np.diag(s) for s in signs) if np.linalg.det(q) > 0]
    if operation is SAMPLED:
        draws = SAMPLED.knobs_of(asked)["draws"]
        return [v @ np.diag(np.sign(v.T @ n)) for n in directions[:draws]]
    if operation is MINIMAL:
        return [v @ np.diag(np.sign(((p @ v) ** 3).mean(axis=0)))]
    elements = OF_GROUP.knobs_of(asked)["elements"]
    if p.shape[1] == 2:
        angles = 2 * np.pi * np.arange(elements) / elements
        ends = [(np.cos(a), np.sin(a)) for a in angles]
        return [np.array([[c, -h * s], [s, h * c]]) for h in (1, -1) for c, s in ends]
    return [sign * turn for sign in (1, -1) for turn in rotations(elements)]


def difference(one, other):
    """Return how far outputs are apart, relative to their size."""
    apart, size = (
        np.sqrt(sum(float((a**2).sum()) for a in arrays))
        for arrays in ([one[n] - other[n] for n in one], one.values())
    )
    return apart / size


@pytest.mark.parametrize(("kind", "dimension"), [("mlp", 3), ("deepsets", 3), ("deepsets", 2)])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_the_oracle_is_the_mean_over_all_matrices_of_each_cloud(operation, kind, dimension, judge):
    for knob in operation.knobs or (None,):
        for value in knob.values(question(kind)) if knob else (None,):
            asked = question(kind, dimension=dimension)
            asked = asked.at(**({knob.name: value} if knob else {}))
            inputs, weights = judge.draw(FAMILY, operation, asked)
            found = operation.oracle(asked, inputs, weights)
            for i, (r, h) in enumerate(zip(inputs["r"], inputs["h"], strict=True)):
                centre = r.mean(axis=0)
                directions = inputs["n"][i] if "n" in inputs else None
                each = matrices_of(operation, asked, r - centre, directions)
                said = [backbone_of(kind, np.hstack([(r - centre) @ q, h]), weights) for q in each]
                y = [s[:, :dimension] @ q.T for q, s in zip(each, said, strict=True)]
                np.testing.assert_allclose(found["y"][i], centre + np.mean(y, axis=0), atol=1e-12)
                np.testing.assert_allclose(
                    found["s"][i], np.mean([s[:, dimension:] for s in said], axis=0), atol=1e-12
                )


@pytest.mark.parametrize("kind", BACKBONES)
def test_four_frames_tell_mirror_images_apart_and_eight_do_not(kind, judge):
    asked = question(kind)
    inputs, weights = judge.draw(FAMILY, ALL, asked)
    mirrored = {**inputs, "r": inputs["r"] * [1.0, 1.0, -1.0]}

    def seen(operation):
        one, other = (operation.oracle(asked, a, weights)["s"] for a in (inputs, mirrored))
        return np.abs(one - other).max() / np.abs(one).max()

    assert seen(ALL) < 1e-13
    assert seen(RIGHT_HANDED) > 1e-3


@pytest.mark.parametrize("kind", BACKBONES)
def test_directions_in_every_octant_draw_every_frame(kind, judge):
    """Twice each of the eight: what is drawn is then the whole average."""
    asked = question(kind).at(draws=16)
    inputs, weights = judge.draw(FAMILY, SAMPLED, asked)
    octants = np.array([*product((-1.0, 1.0), repeat=3)] * 2)
    for i, r in enumerate(inputs["r"]):
        p = r - r.mean(axis=0)
        inputs["n"][i] = octants @ eigh(p.T @ p)[1].T
    drawn = SAMPLED.oracle(asked, inputs, weights)
    assert difference(ALL.oracle(asked, inputs, weights), drawn) < 1e-12
    assert difference(drawn, SAMPLED.oracle(asked.at(draws=1), inputs, weights)) > 1e-2


@pytest.mark.parametrize("kind", BACKBONES)
def test_in_the_plane_two_frames_tell_mirror_images_apart_and_four_do_not(kind, judge, agrees):
    asked = question(kind, dimension=2)
    inputs, weights = judge.draw(FAMILY, ALL, asked)
    mirrored = {**inputs, "r": inputs["r"] * [1.0, -1.0]}
    for operation, count in ((ALL, 4), (RIGHT_HANDED, 2)):
        assert count_of(operation.name, asked) == count
        one, other = (operation.oracle(asked, a, weights)["s"] for a in (inputs, mirrored))
        apart = np.abs(one - other).max() / np.abs(one).max()
        assert apart < 1e-13 if operation is ALL else apart > 1e-3
    for operation in OPERATIONS:
        agrees(operation, asked)


@pytest.mark.parametrize("order", ORDERS)
def test_turns_of_the_plane_are_a_group_and_those_of_a_divisor_lie_in_it(order):
    here = turns(order)
    assert len(here) == order and np.linalg.det(here) == pytest.approx(1.0)
    found = (here[:, None] @ here[None]).reshape(-1, 2, 2)
    assert np.abs(found[:, None] - here[None]).max(axis=(2, 3)).min(axis=1).max() < 1e-12
    np.testing.assert_allclose(turns(5 * order)[::5], here, atol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
def test_finite_groups_are_closed_and_lie_in_the_next(order):
    here = rotations(order)
    products = (here[:, None] @ here[None]).reshape(-1, 3, 3)
    larger = rotations(ORDERS[min(ORDERS.index(order) + 1, len(ORDERS) - 1)])

    def all_in(some, group):
        apart = np.abs(some[:, None] - group[None]).max(axis=(2, 3)).min(axis=1)
        return bool(apart.max() < 1e-12)

    assert len(here) == order and np.linalg.det(here) == pytest.approx(1.0)
    assert all_in(products, here) and all_in(here, larger)


def test_a_group_average_is_exact_on_its_group_and_not_beside_it(judge):
    asked = question("mlp").at(elements=12)
    inputs, weights = judge.draw(FAMILY, OF_GROUP, asked)
    out = OF_GROUP.oracle(asked, inputs, weights)

    def broken(turn):
        turned = OF_GROUP.oracle(asked, {**inputs, "r": inputs["r"] @ turn.T}, weights)
        return difference({"y": out["y"] @ turn.T, "s": out["s"]}, turned)

    assert max(broken(turn) for turn in rotations(12)) < 1e-12
    assert min(broken(turn) for turn in rotations(60)[np.r_[1:60]] if not _is_in(turn, 12)) > 1e-5


def _is_in(turn, order):
    return bool(np.isclose(turn, rotations(order)).all(axis=(1, 2)).any())


def rotated(operation, asked, judge):
    """Return the error under a rotation, by the implementation in NumPy."""
    inputs, weights = judge.draw(FAMILY, operation, asked)
    elements = FAMILY.group(asked).subgroups["rotation"].sample(np.random.default_rng(1), 2)
    numpy = REGISTRY.implementation(f"{operation.name}.numpy_whole")
    return max(judge.symmetry(FAMILY, operation, numpy, asked, inputs, weights, elements))


@pytest.mark.parametrize("dimension", [3, 2])
@pytest.mark.parametrize("operation", (ALL, RIGHT_HANDED), ids=lambda operation: operation.name)
def test_next_to_a_degenerate_spectrum_symmetry_is_lost_as_the_gap(operation, dimension, judge):
    sizes = {"points": 8, "batch": 32, "dimension": dimension}
    found = {
        gap: rotated(operation, question(**sizes, data=f"gap:{gap}"), judge)
        for gap in ("1e-3", "1e-6", "1e-9", "1e-12", "0")
    }
    assert found["1e-3"] < 1e-11
    for wide, narrow in (("1e-3", "1e-6"), ("1e-6", "1e-9"), ("1e-9", "1e-12")):
        assert 30 < found[narrow] / found[wide] < 3e4
    assert found["0"] > 1e-3


@pytest.mark.parametrize("dimension", [3, 2])
def test_one_frame_is_not_enough_where_third_moments_vanish(dimension, judge):
    clear, even = (question(points=8, dimension=dimension, data=data) for data in
                   ("separated", "even"))  # fmt: skip
    assert rotated(MINIMAL, clear, judge) < 1e-12
    assert rotated(MINIMAL, even, judge) > 1e-3
    assert rotated(ALL, even, judge) < 1e-12


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_gradients_grow_as_the_gap_closes(framework, judge):
    implementation = REGISTRY.implementation(f"frame_averaging.{framework}_whole")
    pytest.importorskip(framework)

    def size(gap):
        asked = question(points=8, data=f"gap:{gap}")
        inputs, weights = judge.draw(FAMILY, ALL, asked)
        rng = np.random.default_rng(2)
        spaces = ALL.outputs(asked)
        cotangents = {name: space.sample(rng) for name, space in spaces.items()}
        found = judge.differentiated(implementation, asked, inputs, weights, cotangents)
        return np.linalg.norm(found[1]["r"])

    assert size("1e-6") / size("1e-3") == pytest.approx(1e3, rel=0.3)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_half_precision_has_no_frame(operation):
    asked = ask(8, dtype="bfloat16")
    for implementation in REGISTRY.implementations_of(operation.name):
        refused = implementation.supports(asked, Target())
        assert refused is not None and refused.remedy, implementation.full_name
