"""What is asked of a GPU and can be judged without one: precision, what large batches are asked."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import bench
from bench.measuring import built_case
from bench.measuring.built_case import build
from bench.measuring.probes import GATE, probes
from bench.measuring.probes.memory import fresh, peak
from bench.record import gpu
from bench.record.case import refusal
from impls.families.product import problem
from impls.implementation import Target
from tests.bench.planting import opened, planted


@pytest.mark.parametrize(
    ("name", "target", "reason"),
    [
        ("clebsch_gordan.torch_dense", Target("cpu", "tf32"), "no products in tf32"),
        ("clebsch_gordan.torch_dense", Target("cuda", "bf16"), "no products of float32"),
        ("clebsch_gordan.torch_dense", Target("cuda", "tf32"), None),
        ("clebsch_gordan.jax_dense", Target("cuda", "bf16"), None),
    ],
)
def test_a_precision_that_is_not_there_is_refused(hand, registry, name, target, reason):
    asked = hand.problem(dtype="float32")
    refused = refusal(replace(hand.case(registry, name, asked), target=target), registry)
    assert (refused is None) if reason is None else reason in str(refused)


@pytest.mark.parametrize(("measure", "probe"), [(peak, "mem.peak.cuda"), (fresh, "mem.fresh.cuda")])
def test_a_graph_has_no_peak_that_the_allocator_sees(measure, probe):
    built = SimpleNamespace(case=SimpleNamespace(mode="cudagraph"))  # nothing else is looked at
    (reading,) = measure(built)
    assert reading.probe == probe and reading.value is None
    assert "a pool of its own" in reading.detail["unavailable"]


def test_a_gpu_that_is_not_there_is_said_before_anything_is_checked(monkeypatch):
    nothing = {"torch": "a build for the CPU", "jax": "not installed"}
    monkeypatch.setattr(gpu, "asked", lambda: nothing)
    monkeypatch.delenv(gpu.VISIBLE, raising=False)
    with pytest.raises(ValueError, match=r"no framework sees a GPU .*a build for the CPU"):
        bench.check("clebsch_gordan.numpy_dense", device="cuda")


@pytest.mark.parametrize("pass_", ["fwd", "grad"])
@pytest.mark.parametrize("name", ["matrix.torch_dense", "gaunt.torch_lebedev"])
def test_some_of_a_large_batch_show_the_symmetry_of_all(hand, registry, monkeypatch, name, pass_):
    built = build(hand.case(registry, name, hand.problem(batch=1500), pass_), registry)
    subgroups = built.group.subgroups
    for subgroup in ("rotation", "inversion"):
        elements = subgroups[subgroup].sample(np.random.default_rng(0), 2)
        with monkeypatch.context() as all_move:
            all_move.setattr(built_case, "OWN", 1501)
            whole = built.asymmetry(elements).per_element
        with monkeypatch.context() as few:
            few.setattr(built_case, "MOVED", 200)
            some = built.asymmetry(elements).per_element
        if name.startswith("matrix") and subgroup == "inversion":
            assert np.all(whole > 0.1)
            np.testing.assert_allclose(some, whole, rtol=0.25)
        else:
            assert np.all(whole < 1e-12) and np.all(some < 1e-12)


def test_samples_that_depend_on_each_other_are_seen_by_some_of_them(hand, registry):
    built = build(hand.case(registry, "gaunt.torch_lebedev", hand.problem(batch=300)), registry)
    honest = built.evaluate

    def mixing(inputs, weights, cotangents):
        outputs = honest(inputs, weights, cotangents)
        return {name: a + a.mean(0) for name, a in outputs.items()}

    built.evaluate = mixing
    elements = built.group.subgroups["rotation"].sample(np.random.default_rng(0), 2)
    assert np.all(built.asymmetry(elements).per_element > 1e-3)


def test_the_gate_asks_nothing_twice_whose_answer_it_has():
    """Calls of each gate on many samples; more of them is what a large case would wait for."""
    calls = []

    def counted(honest, inputs, weights):
        calls.append(1)
        return honest(inputs, weights)

    asked = problem("mimo", 1, "o3", batch=300, dtype="float64")
    built = opened(*planted("clebsch_gordan.numpy_dense", counted), asked)
    expected = {
        "error": 1, "equiv": 2, "conduct.outputs": 1, "conduct.permuted": 1, "conduct.linear": 0,
        "conduct.strided": 2, "conduct.layout": 0, "conduct.cached": 3,
    }  # fmt: skip
    found = {}
    for name in [name for name in GATE if name in expected]:
        before = len(calls)
        assert all(reading.passed is not False for reading in probes()[name].measure(built))
        found[name] = len(calls) - before
    assert found == expected
    assert set(GATE) - set(expected) == {"conduct.fresh", "conduct.receipt"}, "count what is new"


def test_an_inversion_that_comes_four_times_is_asked_once():
    calls = []

    def counted(honest, inputs, weights):
        calls.append(1)
        return honest(inputs, weights)

    asked = problem("mimo", 1, "o3", batch=5, dtype="float64")
    built = opened(*planted("clebsch_gordan.numpy_dense", counted), asked)
    for subgroup, number in (("inversion", 1), ("rotation", 4)):
        built.answer()
        calls.clear()
        elements = built.group.subgroups[subgroup].sample(np.random.default_rng(0), 4)
        assert len(built.asymmetry(elements).per_element) == 4
        assert len(calls) == number
