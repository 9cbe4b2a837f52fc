import numpy as np
import pytest

from analysis.equivariance import difference_step, errors, guards, local_errors
from impls.groups import rotations, symmetric
from impls.spaces import Space

VECTOR = Space((5, 3), lambda g, a: a @ np.asarray(g).T)
ROTATIONS = rotations().sample(np.random.default_rng(0), 20)


def vectors(seed=1, dtype=np.float64):
    return {"x": np.random.default_rng(seed).standard_normal((5, 3)).astype(dtype)}


def test_equivariant_map_has_no_error_and_a_wrong_one_has():
    good = errors(
        lambda a: {"z": np.cross(a["x"], a["x"][::-1])},
        {"x": VECTOR},
        {"z": VECTOR},
        vectors(),
        ROTATIONS,
    )
    assert good.per_element.shape == (20,)
    assert good.summary()["max"] < 1e-14
    wrong = errors(
        lambda a: {"z": np.abs(a["x"])}, {"x": VECTOR}, {"z": VECTOR}, vectors(), ROTATIONS
    )
    assert wrong.per_element.min() > 0.1
    summary = wrong.summary()
    assert summary["mean"] <= summary["max"] and summary["p95"] <= summary["max"]


def test_size_of_a_known_error():
    # f(x) = x + b: f(g x) - g f(x) = b - g b, over |x + b|
    shift = np.array([0.0, 0.0, 2.0])
    x = vectors()
    found = errors(lambda a: {"z": a["x"] + shift}, {"x": VECTOR}, {"z": VECTOR}, x, ROTATIONS)
    expected = [
        np.sqrt(5) * np.linalg.norm(shift - g @ shift) / np.linalg.norm(x["x"] + shift)
        for g in ROTATIONS
    ]
    np.testing.assert_allclose(found.per_element, expected, rtol=1e-12)


def test_weights_with_an_action():
    weights = {"w": np.array([0.0, 1.0, 0.0]), "scale": np.array(3.0)}
    axis = Space((3,), lambda g, a: g @ a)

    def call(inputs, weights):
        return {"z": weights["scale"] * np.cross(inputs["x"], weights["w"])}

    spaces = {"x": VECTOR}, {"z": VECTOR}
    moved = errors(call, *spaces, vectors(), ROTATIONS, weights=weights, weights_space={"w": axis})
    assert moved.summary()["max"] < 1e-14
    still = errors(call, *spaces, vectors(), ROTATIONS, weights=weights)
    assert still.summary()["max"] > 0.1


def test_index_inputs_are_relabelled_and_keep_their_dtype():
    # a graph with node values x and edge targets: S_n moves rows of x and relabels indices
    n = 6
    edges = np.array([0, 3, 3, 5], dtype=np.int32)
    nodes = Space((n,), lambda p, a: a[np.argsort(p)])
    index = Space((4,), lambda p, a: p[a].astype(np.int32), kind="index", grad=False)
    longer = Space((4,), lambda p, a: p[a].astype(np.int64), kind="index", grad=False)
    out = Space((4,))
    inputs = {"x": np.arange(1.0, n + 1), "edges": edges}
    elements = symmetric(n).sample(np.random.default_rng(0), 5)

    def gather(a):
        assert a["edges"].dtype == np.int32
        return {"z": a["x"][a["edges"]]}

    found = errors(gather, {"x": nodes, "edges": index}, {"z": out}, inputs, elements)
    assert found.summary()["max"] == 0.0
    with pytest.raises(TypeError, match="edges"):
        errors(gather, {"x": nodes, "edges": longer}, {"z": out}, inputs, elements)


def test_real_inputs_keep_their_dtype():
    def call(a):
        assert a["x"].dtype == np.float32
        return {"z": 2 * a["x"]}

    found = errors(call, {"x": VECTOR}, {"z": VECTOR}, vectors(dtype=np.float32), ROTATIONS)
    assert 0 < found.summary()["max"] < 1e-6


def test_align_takes_the_nearest_candidate():
    shift = Space((8,), lambda g, a: np.roll(a, g))
    inputs = {"x": np.random.default_rng(0).standard_normal(8) * np.tile([1.0, 9.0], 4)}

    def polyphase(a):  # the phase with the larger norm: equivariant up to a shift by one
        phases = a["x"].reshape(4, 2)
        return {"z": phases[:, np.argmax(np.sum(phases**2, axis=0))]}

    space = Space((4,), lambda g, a: np.roll(a, g // 2))

    def align(g, a, b):
        yield b
        yield np.roll(b, 1)

    arguments = (polyphase, {"x": shift}, {"z": space}, inputs, list(range(8)))
    assert errors(*arguments).summary()["max"] > 0.1
    assert errors(*arguments, align).summary()["max"] == 0.0


def test_refusals():
    spaces = {"x": VECTOR}, {"z": VECTOR}
    with pytest.raises(ValueError, match="identically zero"):
        errors(lambda a: {"z": 0 * a["x"]}, *spaces, vectors(), ROTATIONS)
    with pytest.raises(ValueError, match="outputs"):
        errors(lambda a: {"u": a["x"]}, *spaces, vectors(), ROTATIONS)
    with pytest.raises(ValueError, match="no group elements"):
        errors(lambda a: {"z": a["x"]}, *spaces, vectors(), [])


def test_a_nan_output_never_looks_like_a_pass():
    found = errors(
        lambda a: {"z": a["x"] * np.nan}, {"x": VECTOR}, {"z": VECTOR}, vectors(), ROTATIONS
    )
    assert not found.summary()["max"] <= 1.0


AXES = rotations().generators


def test_lie_derivative_of_a_known_error():
    # f(x) = x + b: the defect b - g b has the derivative -X b = -(axis x b) at the identity
    shift = np.array([0.0, 0.0, 2.0])
    x = vectors()
    found = local_errors(
        lambda a: {"z": a["x"] + shift}, {"x": VECTOR}, {"z": VECTOR}, x, AXES, step=1e-3
    )
    size = np.sqrt(5) * 2.0 / np.linalg.norm(x["x"] + shift)
    expected = {"rotation_x": size, "rotation_y": size, "rotation_z": 0.0}
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("dtype", "limit"), [(np.float64, 2e-12), (np.float32, 2e-5)])
def test_lie_derivative_of_an_equivariant_map_is_rounding(dtype, limit):
    def call(a):
        return {"z": np.cross(a["x"], a["x"][::-1])}

    step = difference_step(float(np.finfo(dtype).eps))
    spaces = {"x": VECTOR}, {"z": VECTOR}
    found = local_errors(call, *spaces, vectors(dtype=dtype), AXES, step=step)
    assert max(found.values()) < limit
    assert dtype is np.float64 or max(found.values()) > 1e-9
    with pytest.raises(ValueError, match="identically zero"):
        local_errors(lambda a: {"z": 0 * a["x"]}, *spaces, vectors(), AXES, step=step)


def test_guards():
    draws = [vectors(seed) for seed in range(6)]
    elements = {"rotation": ROTATIONS}

    def of(call, space=VECTOR):
        return guards(call, {"x": space}, draws, elements)

    good = of(lambda a: {"z": a["x"]})
    assert good.problems(0.0) == {}
    assert good.spread > 0.5 and 5 < good.effective_rank <= 6 and good.moved["rotation"] > 0.1
    zero = of(lambda a: {"z": 0 * a["x"]})
    assert zero.problems(0.0) == {"collapse": "the output is zero for different inputs"}
    same = of(lambda a: {"z": np.ones(3) + 1e-6 * a["x"][0]})
    assert same.problems(0.0) == {"collapse": "the output is the same for different inputs"}
    np.testing.assert_allclose(same.effective_rank, 1.0, atol=1e-4)
    rng = np.random.default_rng(0)
    noisy = of(lambda a: {"z": a["x"] + 1e-3 * rng.standard_normal((5, 3))})
    assert list(noisy.problems(1e-10)) == ["determinism"] and noisy.problems(0.1) == {}
    still = of(lambda a: {"z": a["x"]}, Space((5, 3)))
    assert "moves no input (rotation)" in still.problems(0.0)["action"]
    broken = of(lambda a: {"z": a["x"] * np.nan})
    assert {"collapse", "determinism"} <= set(broken.problems(1.0))
    with pytest.raises(ValueError, match="at least two"):
        guards(lambda a: a, {"x": VECTOR}, draws[:1], elements)
