"""Implementations whose gradients lie, or whose gradient passes do: each is seen, and named."""

from __future__ import annotations

import re

import pytest

from bench.drive.run import execute
from bench.measuring.probes import CHECK, GATE
from bench.record.rows import load

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def differentiated(trapped, hand, tmp_path_factory):
    """One run of the PyTorch and JAX traps, forward and gradient, with the rules of conduct."""
    out = tmp_path_factory.mktemp("gradients")
    traps = ("scaled", "detached", "no_graph", "mutates_torch", "out_of_memory", "jax_detached")
    names = [f"trap_{name}" for name in traps]
    names[0] = "trap_scaled_gradient"
    cases = [
        hand.case(trapped, f"clebsch_gordan.{name}", pass_=pass_)
        for pass_ in ("fwd", "grad")
        for name in (*names, "torch_dense", "jax_dense")
    ]
    execute(hand.plan(trapped, cases, samples=1, probes=CHECK), trapped, out, files=hand.traps)
    return load(out)


@pytest.fixture(scope="module")
def looked_through(trapped, hand, tmp_path_factory):
    """One run of gradients of many samples, with all of the gate, and of what is honest.

    `grad2` is asked too of what lies about gradients of one question, or about second ones.
    """
    out = tmp_path_factory.mktemp("many")
    asked = hand.problem(batch=300)
    names = ("trap_tail_gradient", "trap_middle_gradient", "trap_strides_torch", "torch_e3nn",
             "jax_e3nn")  # fmt: skip
    both = ("trap_first_cotangents", "trap_second_gradient", "torch_dense")
    asked_of = [(name, "grad") for name in (*names, *both)] + [(name, "grad2") for name in both]
    cases = [hand.case(trapped, f"clebsch_gordan.{n}", asked, pass_) for n, pass_ in asked_of]
    execute(hand.plan(trapped, cases, probes=GATE), trapped, out, files=hand.traps)
    return load(out)


@pytest.mark.parametrize("name", ["scaled_gradient", "detached", "no_graph", "jax_detached"])
def test_a_wrong_gradient_is_caught_though_the_value_is_right(hand, differentiated, name):
    ends = hand.ends(differentiated)
    assert ends[f"trap_{name}", "o3", "fwd"]["status"] == "ok"
    found = ends[f"trap_{name}", "o3", "grad"]
    assert found["status"] == "wrong"
    assert found["reason"].startswith("error.grad is ")
    rows = hand.before(differentiated, found)
    assert rows["error.fwd"]["status"] == "ok" and "time.host" not in rows


@pytest.mark.parametrize("name", ["tail_gradient", "middle_gradient"])
def test_gradients_are_judged_in_every_sample(hand, looked_through, name):
    """The oracle is asked for some samples; the others must agree with them, wherever they are."""
    found = hand.ends(looked_through)[f"trap_{name}", "o3", "grad"]
    assert found["status"] == "wrong"
    assert re.search(r"(error\.grad|conduct\.permuted) is \d", found["reason"]), found["reason"]


@pytest.mark.parametrize("pass_", ["grad", "grad2"])
def test_gradients_are_judged_for_more_than_one_question(hand, looked_through, pass_):
    """Right for the cotangents that come first, and that the oracle is asked about."""
    found = hand.ends(looked_through)["trap_first_cotangents", "o3", pass_]
    kind = {"grad": "linear", "grad2": "quadratic"}[pass_]
    assert found["status"] == "wrong"
    assert found["reason"].startswith(f"conduct.linear: gradients are not {kind} in the cotangents")
    rows = hand.before(looked_through, found)
    assert {rows[probe]["status"] for probe in rows if probe.startswith(("error", "equiv"))} == {
        "ok"
    }


def test_a_second_gradient_that_is_wrong_for_one_array_is_named(hand, looked_through):
    ends = hand.ends(looked_through)
    assert ends["trap_second_gradient", "o3", "grad"]["status"] == "ok"
    found = ends["trap_second_gradient", "o3", "grad2"]
    assert re.match(r"error\.grad2 is \d\.\d\de-0[23], above the tol", found["reason"])
    assert found["reason"].endswith(": the second gradient of y is 1.01 times the right one; that "
                                    "of x is right")  # fmt: skip
    arrays = hand.before(looked_through, found)["error.grad2"]["detail"]["arrays"]
    assert arrays["x"] < 1e-9 and arrays["y"] == pytest.approx(0.01, rel=0.5)


def test_strides_are_read_in_torch(hand, looked_through):
    found = hand.ends(looked_through)["trap_strides_torch", "o3", "grad"]
    assert (found["status"], found["reason"][:18]) == ("wrong", "conduct.strided is")
    for name in ("torch_dense", "torch_e3nn", "jax_e3nn"):
        assert hand.ends(looked_through)[name, "o3", "grad"]["status"] == "ok"


def test_the_array_with_the_wrong_gradient_is_named(hand, differentiated):
    found = hand.ends(differentiated)["trap_scaled_gradient", "o3", "grad"]
    arrays = hand.before(differentiated, found)["error.grad"]["detail"]["arrays"]
    assert arrays["x"] < 1e-10
    assert arrays["y"] == pytest.approx(0.01, rel=1e-6)


def test_torch_and_jax_give_zero_where_an_input_is_unused(hand, differentiated):
    """A gradient of zero has relative error one, in both frameworks."""
    for name in ("trap_detached", "trap_jax_detached"):
        found = hand.ends(differentiated)[name, "o3", "grad"]
        arrays = hand.before(differentiated, found)["error.grad"]["detail"]["arrays"]
        assert arrays["x"] == pytest.approx(1.0) and arrays["y"] < 1e-10
    found = hand.ends(differentiated)["trap_no_graph", "o3", "grad"]
    arrays = hand.before(differentiated, found)["error.grad"]["detail"]["arrays"]
    assert arrays == pytest.approx({"x": 1.0, "y": 1.0})


def test_an_implementation_that_overwrites_its_input_is_caught(hand, differentiated):
    found = hand.ends(differentiated)["trap_mutates_torch", "o3", "fwd"]
    assert (found["status"], found["reason"]) == (
        "wrong",
        "conduct.inputs_unchanged: the call overwrites its input x",
    )
    found = hand.ends(differentiated)["trap_mutates_torch", "o3", "grad"]
    assert found["status"] == "error" and "leaf Variable" in found["reason"]


def test_out_of_memory_in_torch_is_named_so(hand, differentiated):
    found = hand.ends(differentiated)["trap_out_of_memory", "o3", "fwd"]
    assert found["status"] == "oom", found["reason"]


def test_honest_neighbours_are_right_in_both_passes(hand, differentiated):
    for name in ("torch_dense", "jax_dense"):
        for pass_ in ("fwd", "grad"):
            found = hand.ends(differentiated)[name, "o3", pass_]
            assert found["status"] == "ok", found["reason"]
            assert hand.before(differentiated, found)["time.host"]["n"] == 1
