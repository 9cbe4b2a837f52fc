"""The host clock: bursts that are long enough, one wait each, nothing collected in between."""

from __future__ import annotations

import gc

import pytest

from bench.measuring import clocks
from bench.measuring.clocks import BURST, HostClock


class Machine:
    """A machine whose time passes only in calls and waits: `clock()` reads it."""

    def __init__(self, call=1e-3, wait=0.0, first=0.0):
        self.now, self.call, self.latency, self.extra = 0.0, call, wait, first
        self.calls, self.waits, self.collecting = 0, [], []

    def clock(self):
        return self.now

    def run(self):
        self.calls += 1
        self.now += self.call + self.extra
        self.extra = 0.0
        self.collecting.append(gc.isenabled())
        return self.calls

    def wait(self, out):
        self.now += self.latency
        self.waits.append(out)


@pytest.fixture
def made(monkeypatch):
    def make(**properties):
        machine = Machine(**properties)
        monkeypatch.setattr(clocks.time, "perf_counter", machine.clock)
        return machine, HostClock(machine.run, machine.wait)

    return make


def test_a_burst_is_n_calls_and_one_wait_for_the_last(made):
    machine, clock = made(call=2.0, wait=0.5)
    assert clock.burst(3) == 6.5
    assert machine.calls == 3 and machine.waits == [3]


@pytest.mark.parametrize("call", [1e-6, 3e-5, 1e-3, 0.02, 0.5, 3.0])
def test_bursts_are_long_enough_and_not_much_longer(made, call):
    machine, clock = made(call=call)
    clock.prepare()
    assert clock.number * call >= BURST
    assert clock.number == 1 or (clock.number - 1) * call <= 3 * BURST
    assert clock.steady and clock.warm_up == pytest.approx(machine.now)


def test_a_slow_first_call_is_not_counted(made):
    _, clock = made(call=0.02, first=5.0)
    clock.prepare()
    assert clock.sample(4) == pytest.approx([0.02] * 4)


def test_warm_up_is_capped_and_says_that_it_was_not_steady(made):
    machine, clock = made(call=0.02)

    def drifting():
        machine.call *= 1.2
        return machine.run()

    clock.run = drifting
    clock.prepare()
    assert not clock.steady
    assert clock.warm_up >= clocks.WARM_UP_CAP


def test_samples_are_seconds_per_call_with_the_collector_off(made):
    machine, clock = made(call=1e-3, wait=1e-4)
    clock.number = 10
    assert clock.sample(3) == pytest.approx([1e-3] * 3)
    assert machine.calls == 3 * (10 + 20) and len(machine.waits) == 6
    assert machine.collecting and not any(machine.collecting)
    assert gc.isenabled()


def test_the_collector_comes_back_after_a_failure(made):
    machine, clock = made()

    def fails(out):
        raise RuntimeError

    clock.wait = fails
    with pytest.raises(RuntimeError):
        clock.sample(1)
    assert gc.isenabled()
    gc.disable()
    try:
        clock.wait = machine.wait
        clock.sample(1)
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.alone
def test_a_call_costs_less_than_two_microseconds_of_harness():
    clock = HostClock(lambda: None, lambda out: None)
    clock.prepare()
    assert min(clock.sample(9)) < 2e-6


def test_what_a_burst_costs_once_cancels(made):
    _, clock = made(call=1e-3, wait=0.05)
    clock.number = 10
    assert clock.sample(2) == pytest.approx([1e-3] * 2)


def test_a_slope_is_never_below_the_resolution(made):
    machine, clock = made(call=1e-3)
    clock.number = 4
    machine.extra = 1.0  # the shorter burst is disturbed
    assert clock.sample(2) == pytest.approx([clocks.RESOLUTION, 1e-3])


def test_single_bursts_are_calls_and_one_wait_with_the_collector_off(made):
    machine, clock = made(call=1e-3, wait=0.05)
    clock.number = 10
    assert clock.bursts(3) == pytest.approx([(10 * 1e-3 + 0.05) / 10] * 3)
    assert machine.calls == 30 and len(machine.waits) == 3
    assert not any(machine.collecting) and gc.isenabled()


def test_what_comes_first_and_the_call_after_it_are_not_timed(made):
    machine, clock = made(call=1e-3)
    clock.number = 10

    def first():
        machine.now += 3.0
        machine.extra = 2.0  # the next call is a slow one

    clock.first = first
    assert clock.bursts(2) == pytest.approx([1e-3] * 2)
    assert clock.sample(2) == pytest.approx([1e-3] * 2)
    assert machine.calls == 2 * 11 + 2 * 31 and machine.now > 20.0
