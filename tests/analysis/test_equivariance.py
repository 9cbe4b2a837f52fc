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


# A window of a longer signal: a delay moves entries in from outside, here 99.

STEPS = 12


def delay(g, a):
    return np.concatenate([np.full(g, 99.0), a[: len(a) - g]])


SEQUENCE = Space((STEPS,), delay)
SIGNAL = {"x": np.random.default_rng(3).standard_normal(STEPS)}


def smoothed(a):
    """The mean of each entry and the one before it, which is 5 before the first."""
    return {"z": (a["x"] + np.concatenate([[5.0], a["x"][:-1]])) / 2}


def after(extra):
    return lambda g: {"z": np.arange(STEPS) >= g + extra}


def test_only_entries_with_a_partner_are_compared():
    arguments = smoothed, {"x": SEQUENCE}, {"z": SEQUENCE}, SIGNAL, [1, 2, 5]
    assert errors(*arguments).summary()["max"] > 1
    assert errors(*arguments, mask=after(0)).per_element.min() > 1
    assert errors(*arguments, mask=after(1)).summary()["max"] == 0.0
    broadcast = lambda g: {"z": 0 * np.ones(1)} if g == 0 else after(1)(g)  # noqa: E731
    assert errors(*arguments, mask=broadcast).summary()["max"] == 0.0


def test_masked_entries_count_neither_in_the_difference_nor_in_the_scale():
    def off(a):  # wrong by 0.5 at its last entry, whatever comes in
        return {"z": a["x"] + 0.5 * (np.arange(STEPS) == STEPS - 1)}

    found = errors(off, {"x": SEQUENCE}, {"z": SEQUENCE}, SIGNAL, [3], mask=after(0))
    kept = SIGNAL["x"][: STEPS - 3]
    np.testing.assert_allclose(found.per_element, 0.5 / np.linalg.norm(kept), rtol=1e-14)
    nothing_is_nan = lambda a: {"z": np.where(np.arange(STEPS) < 5, np.nan, a["x"])}  # noqa: E731
    keeps = lambda g: {"z": np.arange(STEPS) >= 5 + g}  # noqa: E731
    quiet = errors(nothing_is_nan, {"x": SEQUENCE}, {"z": SEQUENCE}, SIGNAL, [3], mask=keeps)
    assert quiet.summary()["max"] == 0.0


def test_a_mask_and_candidates_together():
    """The nearest candidate is the nearest where entries are compared."""
    flipped = lambda a: {"z": -smoothed(a)["z"]}  # noqa: E731

    def align(g, a, b):  # up to a sign; the first candidate is nearer on entries without a partner
        yield np.where(np.arange(STEPS) < g + 1, a, 7.0)
        yield b

    arguments = flipped, {"x": SEQUENCE}, {"z": SEQUENCE}, SIGNAL, [2, 4], align
    assert errors(*arguments).summary()["max"] > 0.1
    assert errors(*arguments, after(1)).summary()["max"] == 0.0


def test_bad_masks_are_refused_by_name():
    arguments = smoothed, {"x": SEQUENCE}, {"z": SEQUENCE}, SIGNAL, [1]

    def says(mask, words):
        with pytest.raises(ValueError, match=words):
            errors(*arguments, mask=mask)

    says(lambda g: {"z": np.zeros(STEPS)}, r"leaves no entry of \['z'\] to compare")
    says(after(STEPS), r"leaves no entry of \['z'\] to compare")
    says(lambda g: {"y": 1}, r"names \['y'\], but the outputs are \['z'\]")
    says(lambda g: {"z": np.ones(5)}, r"'z' has shape \(5,\), which does not broadcast to \(12,\)")
    says(lambda g: {"z": np.ones((2, STEPS))}, "does not broadcast")
    says(lambda g: {"z": np.full(STEPS, 0.5)}, "neither 0 nor 1")

    def late(a):
        return {"z": a["x"] * (np.arange(STEPS) > 5)}

    with pytest.raises(ValueError, match="what the mask leaves of the output is identically zero"):
        errors(late, *arguments[1:], mask=lambda g: {"z": np.arange(STEPS) == 4})

    def two(a):
        return {"z": a["x"], "state": a["x"]}

    with pytest.raises(ValueError, match=r"leaves nothing of \['state'\] for any group element"):
        errors(two, {"x": SEQUENCE}, {"z": SEQUENCE, "state": SEQUENCE}, SIGNAL, [1, 2],
               mask=lambda g: {"state": np.zeros(STEPS)})  # fmt: skip


def test_along_generators_entries_with_a_partner_at_every_node_are_compared():
    """Vectors with a border: the border stays where it is, and so has no partner."""
    border = np.array([1.0, 0, 0, 0, 1.0])[:, None]
    call = lambda a: {"z": a["x"] + border * np.array([0.0, 0.0, 2.0])}  # noqa: E731
    arguments = call, {"x": VECTOR}, {"z": VECTOR}, vectors(), AXES
    assert local_errors(*arguments, step=1e-3)["rotation_x"] > 0.1
    inner = lambda g: {"z": 1 - border}  # noqa: E731
    assert max(local_errors(*arguments, inner, step=1e-3).values()) < 1e-10
    often = lambda g: {"z": 1 - border * (g[1, 2] < 0)}  # noqa: E731
    assert local_errors(*arguments, often, step=1e-3)["rotation_x"] < 1e-10
    with pytest.raises(ValueError, match="leaves no entry"):
        local_errors(*arguments, lambda g: {"z": 0}, step=1e-3)


def test_outputs_that_vary_only_where_nothing_is_compared_have_collapsed():
    draws = [{"x": np.random.default_rng(seed).standard_normal(STEPS)} for seed in range(4)]
    call = lambda a: {"z": np.where(np.arange(STEPS) < 3, a["x"], 1.0)}  # noqa: E731
    elements = {"delay": [1, 2]}
    assert "collapse" not in guards(call, {"x": SEQUENCE}, draws, elements).problems(1e-10)
    found = guards(call, {"x": SEQUENCE}, draws, elements, after(2))
    assert found.problems(1e-10)["collapse"] == "the output is the same for different inputs"
    seen = guards(call, {"x": SEQUENCE}, draws, elements, after(1))
    assert "collapse" not in seen.problems(1e-10), "entry 2 is compared under a delay by 1"
