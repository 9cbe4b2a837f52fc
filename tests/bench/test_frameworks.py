"""The frameworks mean the same by put, get and the passes, and share no memory with NumPy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.measuring.built_case import build
from bench.measuring.frameworks import load
from bench.record.case import refusal
from impls.implementation import Target
from impls.spaces import Space

SPACES = {"x": Space((3, 2)), "y": Space((3, 2)), "i": Space((3,), kind="index", grad=False)}
ARRAYS = {
    "x": np.arange(6.0).reshape(3, 2),
    "y": np.linspace(-1.0, 1.0, 6).reshape(3, 2),
    "i": np.array([2, 0, 1]),
}


def moved(name, dtype="float32"):
    framework = load(name)
    return framework, framework.put(ARRAYS, SPACES, dtype, Target())


@pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
def test_arrays_go_in_and_come_out(name):
    framework, tensors = moved(name)
    found = framework.get(tensors)
    assert found["x"].dtype == found["y"].dtype == np.float64
    np.testing.assert_array_equal(found["x"], ARRAYS["x"])
    np.testing.assert_array_equal(found["y"], ARRAYS["y"].astype(np.float32))
    np.testing.assert_array_equal(found["i"], ARRAYS["i"])
    assert np.issubdtype(found["i"].dtype, np.integer)


@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_no_memory_is_shared(name):
    framework, tensors = moved(name, "float64")
    first = framework.get(tensors)
    for key, array in ARRAYS.items():
        assert not np.shares_memory(np.asarray(tensors[key]), array)
        assert not np.shares_memory(np.asarray(tensors[key]), first[key])
    tensors["x"][0, 0] = 7.0
    assert ARRAYS["x"][0, 0] == first["x"][0, 0] == 0.0


@pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
def test_copies_have_the_same_numbers_kinds_and_wishes(name):
    framework, tensors = moved(name)
    leaves = framework.leaves(tensors, ("x",))
    copies = framework.copy(leaves)
    for key, copy in copies.items():
        assert copy is not leaves[key] and copy.dtype == leaves[key].dtype
        np.testing.assert_array_equal(framework.get(copies)[key], framework.get(tensors)[key])
        if name == "torch":
            assert copy.requires_grad == (key == "x") and copy.is_leaf


def gradient(name, call, wanted=("x", "y", "w")):
    framework, inputs = moved(name)
    spaces = {"w": Space((2,)), "z": Space((3, 2))}
    weights = framework.put({"w": np.array([2.0, 3.0])}, spaces, "float32", Target())
    cotangents = framework.put({"z": np.full((3, 2), 0.5)}, spaces, "float32", Target())
    inputs, weights = framework.leaves(inputs, wanted), framework.leaves(weights, wanted)
    out = framework.make(call, "grad", "eager", wanted)(inputs, weights, cotangents)
    framework.wait(out)
    return framework.get(out)


@pytest.mark.parametrize("name", ["torch", "jax"])
class TestGradientPass:
    """Value and gradients of <c, f> with respect to all wanted inputs and weights."""

    def test_values_and_gradients(self, name):
        found = gradient(name, lambda a, w: {"z": a["x"] * a["y"] * w["w"]})
        x, y, w = ARRAYS["x"], ARRAYS["y"], np.array([2.0, 3.0])
        assert set(found) == {"value", "d_x", "d_y", "d_w"}
        assert found["value"] == pytest.approx(0.5 * np.sum(x * y * w), rel=1e-5)
        np.testing.assert_allclose(found["d_x"], 0.5 * y * w, rtol=1e-5)
        np.testing.assert_allclose(found["d_w"], 0.5 * np.sum(x * y, axis=0), rtol=1e-5)

    def test_unused_inputs_and_weights_have_gradient_zero(self, name):
        found = gradient(name, lambda a, w: {"z": 2.0 * a["x"]})
        np.testing.assert_array_equal(found["d_x"], np.ones((3, 2)))
        np.testing.assert_array_equal(found["d_y"], np.zeros((3, 2)))
        np.testing.assert_array_equal(found["d_w"], np.zeros(2))

    def test_a_constant_map_has_gradient_zero(self, name):
        found = gradient(name, lambda a, w: {"z": a["i"][:, None] * 1.0})
        assert found["value"] == pytest.approx(3.0)
        assert not any(np.any(found[f"d_{key}"]) for key in ("x", "y", "w"))

    def test_nothing_wanted_is_the_value_alone(self, name):
        found = gradient(name, lambda a, w: {"z": a["x"] + a["y"]}, wanted=())
        assert set(found) == {"value"}


def test_numpy_has_no_gradient_pass_and_no_bfloat16():
    framework, _ = moved("numpy")
    with pytest.raises(ValueError, match="NumPy has no gradients"):
        framework.make(lambda a, w: a, "grad", "eager", ())
    with pytest.raises(ValueError, match="NumPy has no bfloat16"):
        moved("numpy", "bfloat16")
    with pytest.raises(ValueError, match="NumPy runs on the CPU only"):
        framework.start(Target("cuda"), False)


@pytest.mark.parametrize("pass_", ["fwd", "grad"])
def test_all_frameworks_answer_one_problem_alike(hand, registry, pass_):
    names = ["torch_dense", "jax_dense"] + ["numpy_dense"] * (pass_ == "fwd")
    asked = hand.problem(dtype="float32", channels=2, batch=100)
    subjects = [
        build(hand.case(registry, f"clebsch_gordan.{name}", asked, pass_), registry)
        for name in names
    ]
    first = subjects[0].call(subjects[0].arrays())
    for built in subjects[1:]:
        for name, array in subjects[0].arrays().items():
            np.testing.assert_array_equal(built.arrays()[name], array)
        found = built.call(built.arrays())
        assert set(found) == set(first)
        for name, array in first.items():
            np.testing.assert_allclose(found[name], array, rtol=1e-4, atol=1e-5)


def test_a_refused_case_is_not_built(hand, registry):
    from impls.families.product import problem

    case = hand.case(registry, "clebsch_gordan.numpy_dense", problem("siso", 1))
    with pytest.raises(ValueError, match="empty output"):
        build(case, registry)


@pytest.mark.parametrize("name", ["torch", "jax"])
class TestSecondGradientPass:
    def second(self, name, call, wanted=("x", "y", "w")):
        framework, inputs = moved(name, "float32")
        spaces = {"w": Space((2,)), "z": Space((3, 2))}
        weights = framework.put({"w": np.array([2.0, 3.0])}, spaces, "float32", Target())
        cotangents = framework.put({"z": np.full((3, 2), 0.5)}, spaces, "float32", Target())
        inputs, weights = framework.leaves(inputs, wanted), framework.leaves(weights, wanted)
        out = framework.make(call, "grad2", "eager", wanted)(inputs, weights, cotangents)
        framework.wait(out)
        return framework.get(out)

    def test_is_the_gradient_of_half_the_square_of_the_inner_gradient(self, name):
        """<c, f> = sum x^2 y w / 2, its x gradient x y w, phi = sum (x y w)^2 / 2."""
        x, y = ARRAYS["x"], ARRAYS["y"].astype(np.float32).astype(np.float64)
        w = np.array([2.0, 3.0])

        def call(inputs, weights):
            return {"z": inputs["x"] * inputs["x"] * inputs["y"] * weights["w"]}

        found = self.second(name, call)
        np.testing.assert_allclose(found["inner"], x * y * w, rtol=1e-5)
        np.testing.assert_allclose(found["value"], np.sum((x * y * w) ** 2) / 2, rtol=1e-5)
        np.testing.assert_allclose(found["d_x"], x * (y * w) ** 2, rtol=1e-5)
        np.testing.assert_allclose(found["d_y"], y * (x * w) ** 2, rtol=1e-5)
        np.testing.assert_allclose(found["d_w"], np.sum(w * (x * y) ** 2, axis=0), rtol=1e-5)

    def test_what_is_unused_or_linear_has_gradient_zero(self, name):
        found = self.second(name, lambda inputs, weights: {"z": inputs["x"] * weights["w"]})
        assert not np.any(found["d_x"]) and not np.any(found["d_y"])
        assert np.all(found["d_w"] != 0)

    def test_all_is_zero_where_the_first_input_is_unused(self, name):
        found = self.second(name, lambda inputs, weights: {"z": inputs["y"] * weights["w"]})
        assert found["value"] == 0 and not any(np.any(a) for a in found.values())


@pytest.mark.slow
@pytest.mark.parametrize("pass_", ["fwd", "grad"])
def test_compiled_code_gives_what_eager_code_gives(hand, registry, pass_):
    asked = hand.problem(dtype="float32", batch=8)
    case = hand.case(registry, "clebsch_gordan.torch_dense", asked, pass_)
    eager, compiled = (build(replace(case, mode=mode), registry) for mode in ("eager", "compile"))
    seconds = compiled.framework.first(compiled.function, compiled.arguments, "compile")
    assert 0.0 < seconds["time.compile"] < seconds["time.first"]
    expected = eager.call(eager.arrays())
    for name, array in compiled.call(compiled.arrays()).items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-4, atol=1e-5)


def test_what_cannot_be_measured_is_refused_by_name(hand, registry):
    case = hand.case(registry, "clebsch_gordan.torch_dense", pass_="grad2")
    for mode, reason in (("compile", "no second gradient"), ("cudagraph", "need a GPU")):
        assert reason in str(refusal(replace(case, mode=mode), registry))
    assert refusal(case, registry) is None


def test_the_parts_of_the_first_call_and_its_counts(hand, registry):
    asked = hand.problem("so3", dtype="float32")
    built = build(hand.case(registry, "clebsch_gordan.jax_dense", asked), registry)
    seconds = built.framework.first(built.function, built.arguments, "jit")
    assert seconds["time.trace"] + seconds["time.compile"] <= seconds["time.first"]
    assert seconds["time.compile"] > 0.2 * seconds["time.first"], "compiled once, not twice"
    counted = built.framework.counted(built.function, built.arguments)
    assert counted["flops.xla"] > 0 and counted["bytes.xla"] > 0
    torch_subject = build(hand.case(registry, "gaunt.torch_lebedev", hand.problem()), registry)
    flops = torch_subject.framework.counted(torch_subject.function, torch_subject.arguments)
    points, batch, dims = 14, 16, 4 + 4 + 9
    assert flops == {"flops.torch": 2.0 * points * batch * dims}


@pytest.mark.parametrize("name", ["clebsch_gordan.torch_e3nn", "gaunt.torch_lebedev"])
def test_what_pytorch_counts_is_counted_and_gradients_of_a_module_too(hand, registry, name):
    from torch.utils.flop_counter import FlopCounterMode

    found = {}
    for pass_ in ("fwd", "grad"):
        built = build(hand.case(registry, name, hand.problem(dtype="float32"), pass_), registry)
        found[pass_] = built.framework.counted(built.function, built.arguments)["flops.torch"]
        if pass_ == "fwd":
            with FlopCounterMode(display=False) as theirs:
                built.run()
            assert found["fwd"] == theirs.get_total_flops()
    assert found["grad"] > found["fwd"] > 0


def test_a_counter_that_fails_is_said_and_costs_nothing_else(hand, registry, monkeypatch):
    from torch.utils import flop_counter

    from bench.measuring.probes.cost import cost

    def fails(*sizes, **more):
        raise RuntimeError("no formula\nfor this")

    built = build(hand.case(registry, "gaunt.torch_lebedev", hand.problem()), registry)
    failing = dict.fromkeys(flop_counter.flop_registry, fails)
    monkeypatch.setattr(flop_counter, "flop_registry", failing)
    *counts, reading = cost(built)
    assert reading.probe == "cost.flops.torch" and reading.value is None
    assert reading.detail["unavailable"] == "PyTorch's counter fails: no formula"
    names = {count.probe: count.value for count in counts}
    assert names["cost.flops"] > 0 and names["cost.bytes"] > 0


@pytest.mark.parametrize("pass_", ["fwd", "grad"])
def test_sparse_products_are_not_counted_as_dense_ones(hand, registry, pass_):
    from bench.measuring.probes.cost import cost

    case = hand.case(registry, "clebsch_gordan.torch_sparse", hand.problem(), pass_)
    reading = list(cost(build(case, registry)))[-1]
    assert reading.probe == "cost.flops.torch" and reading.value is None
    assert "sparse" in reading.detail["unavailable"]
