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
        self.away = self.stolen = 0.0
        self.calls, self.waits, self.collecting, self.faults = 0, [], [], 0

    def clock(self):
        return self.now

    def busy(self):
        return self.now - self.away

    def elsewhere(self, seconds):
        """Something else has the processor for so long, during the next call."""
        self.extra = self.stolen = seconds

    def run(self):
        self.calls += 1
        self.now += self.call + self.extra
        self.away += self.stolen
        self.extra = self.stolen = 0.0
        self.collecting.append(gc.isenabled())
        return self.calls

    def wait(self, out):
        self.now += self.latency
        self.waits.append(out)


@pytest.fixture
def made(monkeypatch):
    def make(asynchronous=False, **properties):
        machine = Machine(**properties)
        monkeypatch.setattr(clocks.time, "perf_counter", machine.clock)
        monkeypatch.setattr(clocks.time, "process_time", machine.busy)
        monkeypatch.setattr(clocks, "_faults", lambda: machine.faults)
        return machine, HostClock(machine.run, machine.wait, asynchronous=asynchronous)

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


def test_samples_are_bursts_with_one_wait_and_the_collector_off(made):
    machine, clock = made(call=1e-3, wait=0.05)
    clock.number = 10
    assert clock.sample(3) == pytest.approx([(10 * 1e-3 + 0.05) / 10] * 3)
    assert machine.calls == 3 * (10 + 10) and len(machine.waits) == 6
    assert machine.collecting and not any(machine.collecting)
    assert gc.isenabled() and clock.retaken == 0


def test_where_calls_are_enqueued_what_a_burst_costs_once_cancels(made):
    machine, clock = made(call=1e-3, wait=0.005, asynchronous=True)
    clock.number = 10
    assert clock.sample(2) == pytest.approx([1e-3] * 2)
    assert machine.calls == 2 * (10 + 10 + 20) and len(machine.waits) == 6


def test_a_slope_that_no_call_could_have_is_no_sample(made):
    machine, clock = made(call=1e-3, asynchronous=True)
    clock.number = 4
    honest = machine.run

    def disturbed():
        if machine.calls == 4:  # the first call of the shorter burst: the slope would be negative
            machine.extra = 1.0
        return honest()

    clock.run = disturbed
    assert clock.sample(2) == pytest.approx([1e-3] * 2)
    assert clock.retaken == 1


def test_what_is_always_disturbed_ends_with_what_a_call_took_at_most(made):
    machine, clock = made(call=1e-3, asynchronous=True)
    clock.number = 4
    clock.first = lambda: setattr(clock, "number", 4)
    honest = machine.run

    def disturbed():
        machine.extra = 1.0 if len(machine.waits) % 3 == 1 else 0.0
        return honest()

    clock.run = disturbed
    (sample,) = clock.sample(1)
    assert clock.retaken == clocks.TRIES - 1 and sample > 0
    assert clock.disturbed == 1


def test_a_burst_without_the_processor_is_taken_again(made):
    machine, clock = made(call=1e-3)
    clock.number = 10
    honest = machine.run

    def disturbed():
        if machine.calls == 10:  # the first call that is timed
            machine.elsewhere(0.05)
        return honest()

    clock.run = disturbed
    assert clock.sample(2) == pytest.approx([1e-3] * 2)
    assert clock.retaken == 1 and clock.shares == pytest.approx([1 / 6, 1.0, 1.0])
    assert clock.disturbed == 0


def test_a_sample_that_never_had_the_processor_is_counted(made):
    machine, clock = made(call=1e-3)
    clock.number = 10
    honest = machine.run

    def preempted():
        if machine.calls % 10 == 0:
            machine.elsewhere(0.05)
        return honest()

    clock.run = preempted
    clock.sample(2)
    assert (clock.disturbed, clock.retaken) == (2, 2 * (clocks.TRIES - 1))


def test_a_burst_in_which_pages_are_new_is_taken_again_at_the_same_places(made):
    machine, clock = made(call=1e-3)
    clock.number = 10
    honest, new = machine.run, {"pages": 0}

    def touching():
        machine.faults += new["pages"]
        machine.now += 1e-5 * new["pages"]
        return honest()

    clock.run, drawn = touching, []
    clock.sample(1)
    clock.first = lambda: (drawn.append(machine.calls), new.update(pages=100))
    clock.wait = lambda out: drawn and machine.calls - drawn[-1] >= 30 and new.update(pages=0)
    assert clock.sample(1) == pytest.approx([1e-3])
    assert len(drawn) == 1 and clock.retaken == 0


def test_pages_that_are_new_in_every_call_are_part_of_it(made):
    machine, clock = made(call=1e-3)
    clock.number = 10
    honest = machine.run

    def mapped():
        machine.faults += 1000
        return honest()

    clock.run = mapped
    before = machine.calls
    clock.sample(3)
    assert machine.calls - before == 3 * 2 * 10 and clock.faults == 1000


def test_what_looks_at_a_burst_is_no_part_of_it(made):
    machine, clock = made(call=1e-3)
    clock.number = 10

    def looks(out):
        machine.faults += 10**6
        machine.now += 1.0

    clock.seen = looks
    before = machine.calls
    assert clock.sample(3) == pytest.approx([1e-3] * 3)
    assert machine.calls - before == 3 * 2 * 10 and clock.faults == 0


def test_the_number_of_calls_is_chosen_by_the_least_of_several_bursts(made):
    machine, clock = made(call=1e-4)
    honest = machine.run

    def disturbed():
        if machine.calls in (1, 2):
            machine.now += 0.1  # the first bursts after the first call
        return honest()

    clock.run = disturbed
    clock.prepare()
    assert clock.number * 1e-4 >= BURST


def test_when_bursts_shrink_their_number_of_calls_is_chosen_anew(made):
    machine, clock = made(call=1e-3)
    clock.prepare()
    machine.call = 1e-5  # a cache has filled
    assert clock.sample(2) == pytest.approx([1e-5] * 2)
    assert clock.retaken == 1 and clock.number * 1e-5 >= BURST


def test_bursts_that_always_shrink_still_say_how_many_processors_they_used(made):
    machine, clock = made(call=1e-3)
    clock.prepare()
    clock.wait = lambda out: setattr(machine, "call", 0.3 * machine.call)
    assert len(clock.sample(1)) == 1 and clock.retaken == clocks.TRIES - 1
    assert clock.shares == pytest.approx([1.0] * clocks.TRIES)


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


def test_what_comes_first_and_the_burst_after_it_are_not_timed(made):
    machine, clock = made(call=1e-3)
    clock.number = 10

    def first():
        machine.now += 3.0
        machine.extra = 2.0  # the next call is a slow one

    clock.first = first
    assert clock.sample(2) == pytest.approx([1e-3] * 2)
    assert machine.calls == 2 * (10 + 10) and machine.now > 10.0
