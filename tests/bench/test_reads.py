"""What an operation reads of its family's inputs, and that the others are left alone."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from bench.measuring.built_case import build
from bench.measuring.probes.gate import agrees, equiv, error
from bench.record.case import Case, refusal
from impls.implementation import MODES, Target
from impls.problem import Refusal
from impls.registry import load
from impls.spaces import Space
from impls.streams import Streams

OFFLINE, STREAM = "causal_convolution", "causal_scan"
READ = {"signal", "history"}


@pytest.fixture
def sequences(hand):
    """A registry of its own, to change."""
    return load([hand.root / "tests/plugins/sequence.py"])


def case(registry, name, pass_="fwd"):
    (asked,) = registry.family("sequence").examples
    framework = registry.implementation(name).framework
    return Case(asked, name, pass_, MODES[framework][0], Target())


def test_streams_are_apart_by_name_and_number():
    def draw(*numbers, name="x"):
        return Streams(*numbers)(name).standard_normal(3)

    assert np.array_equal(draw(1, 0), draw(1, 0))
    others = [draw(1, 0), draw(1, 1), draw(2, 0), draw(1, 0, name="y")]
    assert len({tuple(array) for array in others}) == 4
    streams = Streams(1)
    assert np.array_equal(streams("x").random(2), streams("x").random(2)), "whatever came before"


@pytest.mark.parametrize("first", [True, False], ids=["before all others", "after all others"])
def test_an_input_more_changes_no_other_array(sequences, first):
    """Nor a weight or a cotangent, wherever it stands in the family."""
    family = sequences.family("sequence")

    def inputs(problem):
        more = {"noise": Space((problem.sizes["batch"],), axis="batch")}
        return {**more, **family.inputs(problem)} if first else {**family.inputs(problem), **more}

    def draw(problem, streams):
        return {name: space.sample(streams(name)) for name, space in inputs(problem).items()}

    (asked,) = family.examples
    before = family.draw(asked, Streams(asked.seed, 0))
    name = f"{OFFLINE}.torch_sliced"
    built = build(case(sequences, name, "grad"), sequences)
    sequences.families["sequence"] = replace(family, inputs=inputs, draw=draw)
    after = sequences.family("sequence").draw(asked, Streams(asked.seed, 0))
    assert set(after) == {*before, "noise"}
    assert all(np.array_equal(before[key], after[key]) for key in before)
    again = build(case(sequences, name, "grad"), sequences)
    for kind in ("inputs", "weights", "cotangents"):
        old, new = getattr(built, kind), getattr(again, kind)
        assert set(old) == set(new)
        assert all(np.array_equal(old[key], new[key]) for key in old)


def test_only_what_is_read_is_passed(sequences):
    built = build(case(sequences, f"{STREAM}.numpy_stepped"), sequences)
    assert set(sequences.family("sequence").inputs(built.problem)) == {*READ, "times"}
    assert set(built.inputs) == set(built.arguments[0]) == set(built.read_spaces) == READ
    assert set(built.arrays()) == {*READ, "kernel"}
    every = replace(sequences.operation(STREAM), reads=None)
    sequences.operations[STREAM] = every
    passed = build(case(sequences, f"{STREAM}.numpy_stepped"), sequences).arguments[0]
    assert set(passed) == {*READ, "times"}


def test_only_what_is_read_is_differentiated_and_gated(sequences):
    built = build(case(sequences, f"{STREAM}.torch_stepped", "grad"), sequences)
    gradients = {name for name in built.call(built.arrays()) if name.startswith("d_")}
    assert gradients == set(built.output_spaces) == {"d_signal", "d_history", "d_kernel"}
    found = {reading.probe: reading for reading in error(built)}
    assert set(found["error.grad"].detail["arrays"]) == {*READ, "kernel"}
    assert all(reading.passed for reading in found.values())


def test_only_what_is_read_is_moved(sequences):
    """A group that moves nothing but an input that is not read would test nothing."""
    built = build(case(sequences, f"{OFFLINE}.numpy_sliced"), sequences)
    assert set(built.input_spaces) == {*READ, "kernel"}

    def fails(g, a):
        raise AssertionError("an input that nobody reads was moved")

    family = built.family
    spaces = lambda problem: {  # noqa: E731
        **family.inputs(problem), "times": replace(family.inputs(problem)["times"], act=fails)
    }  # fmt: skip
    sequences.families["sequence"] = replace(family, inputs=spaces)
    (reading,) = equiv(build(built.case, sequences))
    assert reading.passed


def test_what_is_not_read_has_no_second_gradient(sequences):
    """An operation that reads nothing real is refused that pass by name."""
    asked = case(sequences, f"{OFFLINE}.torch_sliced", "grad2")
    assert refusal(asked, sequences) is None
    blind = replace(sequences.operation(OFFLINE), reads=("nothing",))
    sequences.operations[OFFLINE] = blind
    assert "no input of this operation is differentiable" in str(refusal(asked, sequences))


def test_a_gradient_that_is_refused_refuses_the_second(sequences):
    sorted_out = replace(sequences.operation(OFFLINE), refused={"grad": "it steps"})
    sequences.operations[OFFLINE] = sorted_out
    for pass_ in ("grad", "grad2"):
        why = str(refusal(case(sequences, f"{OFFLINE}.torch_sliced", pass_), sequences))
        assert why == f"causal_convolution refuses {pass_}: it steps (use another pass)"
    assert refusal(case(sequences, f"{OFFLINE}.torch_sliced"), sequences) is None


def agreement(sequences, **changes):
    """Return the reading of the scan, whose partner has been changed."""
    sequences.operations[OFFLINE] = replace(sequences.operation(OFFLINE), **changes)
    (reading,) = agrees(build(case(sequences, f"{STREAM}.numpy_stepped"), sequences))
    assert reading.probe == "agrees.causal_convolution"
    return reading


def test_agreement_has_both_oracles_and_the_result(sequences):
    found = agreement(sequences)
    assert found.passed and found.value < 1e-15 and found.detail["oracles"] < 1e-15
    assert found.limit == 1e-10
    assert list(agrees(build(case(sequences, f"{OFFLINE}.numpy_sliced"), sequences))) == []
    assert list(agrees(build(case(sequences, f"{STREAM}.torch_stepped", "grad"), sequences))) == []


def test_a_partner_may_read_more(sequences):
    """The partner's oracle gets what it reads of the same draw, also what the scan does not."""
    oracle = sequences.operation(OFFLINE).oracle
    family = sequences.family("sequence")
    (asked,) = family.examples
    times = family.draw(asked, Streams(asked.seed, 0))["times"]

    def reading_times(problem, inputs, weights):
        assert np.array_equal(inputs["times"], times)
        return oracle(problem, inputs, weights)

    assert agreement(sequences, reads=None, oracle=reading_times).passed


def test_an_implementation_that_is_off_is_compared_with_the_partner(sequences):
    """Both oracles agree; the result differs from either."""
    plain = sequences.implementation(f"{STREAM}.numpy_stepped")

    def build_scaled(problem, target, options):
        built = plain.build(problem, target, options)
        return replace(built, call=lambda i, w: {"y": built.call(i, w)["y"] * (1 + 1e-6)})

    sequences.implementations[plain.full_name] = replace(plain, build=build_scaled)
    found = agreement(sequences)
    assert found.detail["oracles"] < 1e-15 and not found.passed
    assert found.value == pytest.approx(1e-6, rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"weights": lambda p: {"w": Space((4, 2))}}, r"its weights are {'kernel': \(4, 2\)}, "),
        ({"outputs": lambda p: {"y": Space((3, 11, 2))}}, r"its outputs are .* \(3, 11, 2\)}$"),
    ],
)
def test_another_question_is_no_agreement(sequences, changes, said):
    found = agreement(sequences, **changes)
    assert found.passed is False
    assert re.match(said, found.detail["problem"]), found.detail["problem"]


def test_a_partner_that_refuses_says_why(sequences):
    found = agreement(sequences, supports=lambda problem: Refusal("too long", "cut it"))
    assert found.detail == {"unavailable": "causal_convolution refuses it: too long (cut it)"}
