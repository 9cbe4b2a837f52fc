"""Kernels of a call: told apart by counting, overlaps once, copies apart."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from bench.measuring.frameworks import Activity
from bench.measuring.probes.kernels import CALLS, kernels, reading
from impls.implementation import Target

US = 1e-6


def kernel(start, length, name="gemm", copy=False):
    return Activity(start * US, (start + length) * US, name, copy)


def call(start, scale=1.0):
    """What a call does from `start` [us] on: two kernels with a gap of 3 us, then a copy."""
    return [
        kernel(start, 10 * scale),
        kernel(start + 10 * scale + 3, 4),
        kernel(start + 10 * scale + 7, 1, "Memcpy DtoD", copy=True),
    ]


def test_calls_are_told_apart_by_counting():
    found = reading([*call(0), *call(100, 2.0), *call(200, 3.0)], 3)
    assert found.samples == pytest.approx([15 * US, 25 * US, 35 * US])
    assert found.value == pytest.approx(25 * US) and found.n == 3
    assert found.detail["gaps"] == pytest.approx(3 * US)
    assert (found.detail["launches"], found.detail["copies"]) == (2, 1)
    assert found.detail["kernels"] == {"gemm": 2}


def test_what_cannot_be_told_apart_has_its_mean():
    found = reading([*call(0), *call(100), kernel(200, 10)], 3)
    assert found.value == pytest.approx((15 + 15 + 10) / 3 * US)
    assert found.n == 1 and found.samples == [found.value] and found.lo is None
    assert found.detail["launches"] == pytest.approx(5 / 3)
    assert found.detail["copies"] == pytest.approx(2 / 3)


def test_what_runs_side_by_side_counts_once():
    inside, across = kernel(2, 3), kernel(8, 7)
    found = reading([kernel(0, 10), inside, across, kernel(20, 5)], 1)
    assert found.value == pytest.approx(20 * US)
    assert found.detail["gaps"] == pytest.approx(5 * US)


def test_the_end_of_a_call_is_that_of_the_longest():
    found = reading([kernel(0, 30), kernel(5, 2)], 1)
    assert found.value == pytest.approx(30 * US)
    assert found.detail["gaps"] == pytest.approx(0.0, abs=1e-12)


def test_the_longest_is_long_in_all():
    found = reading([kernel(0, 5, "often"), kernel(10, 5, "often"), kernel(20, 8, "once")], 1)
    assert found.detail["longest"] == "often"


def built(device, recorded):
    """A call of the framework, and what it records of as many as are asked for."""
    asked = []

    def traced(work):
        before = len(asked)
        work()
        return recorded(len(asked) - before)

    framework = SimpleNamespace(traced=traced, wait=lambda out: None)
    case = SimpleNamespace(target=Target(device))
    return SimpleNamespace(case=case, framework=framework, run=lambda: asked.append(1)), asked


def test_as_many_calls_warm_up_as_are_recorded():
    made, asked = built("cuda", lambda calls: [a for i in range(calls) for a in call(100 * i)])
    (found,) = kernels(made)
    assert len(asked) == 2 * CALLS and found.n == CALLS
    assert found.value == pytest.approx(15 * US)


def test_a_profiler_that_sees_nothing_is_said():
    (found,) = kernels(built("cuda", lambda calls: [])[0])
    assert found.value is None and "no kernel" in found.detail["unavailable"]


def test_there_are_no_kernels_on_the_processor():
    made, asked = built("cpu", lambda calls: pytest.fail("it was traced"))
    assert not list(kernels(made)) and not asked
