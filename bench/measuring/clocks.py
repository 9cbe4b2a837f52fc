"""The host clock: warm-up, calibrated bursts, and what of them is a sample."""

from __future__ import annotations

import gc
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bench.measuring.processors import children, of_children

BURST = 1e-2
"""The longest burst of a sample lasts at least this long [s]. Rounds of bursts of half of it
scatter by 1.4 %, of these by 0.8 % (docs/statistics.md)."""
STEADY = 0.05
WARM_UP_CAP = 1.0
"""Warm-up ends when two successive bursts agree to STEADY, or after this long [s]."""
LEAST_OF = 3
"""The number of calls in a burst is chosen by the least of so many: a disturbance only adds."""
SHRUNK = 0.5
"""A burst shorter than this share of its length has too few calls: their number is chosen anew."""
PREEMPTED = 0.9
"""With a smaller share of processor time than this in wall time, something else ran."""
AGREE = 2.0
"""A slope is no sample if the mean of its longer burst is larger or smaller by this factor."""
FAULT, FAULTED = 2e-6, 0.01
"""A page that is touched for the first time costs about so long [s]; so much of a burst at most."""
SETTLING = 4
"""A burst is taken so often at most until no more pages are new than in any other."""
TRIES = 4
"""A sample is taken so often at most; the last counts, whatever disturbed it."""


class Burst(NamedTuple):
    """What a burst took: seconds of the clock and of processors, and pages touched first."""

    seconds: float
    busy: float
    faults: int


@dataclass
class HostClock:
    """Times bursts of `run`; `wait` blocks until a result is there.

    Where calls are done when they return (a processor), a sample is a burst of n calls with one
    wait, over n. Where they are only enqueued (`asynchronous`: a GPU) it is the slope
    (T(2n) - T(n)) / n of two bursts, so that what a burst costs once (the wait, filling the queue)
    cancels. Before each sample come `first` and a burst that is not timed: after arrays have moved,
    or another process has had the device, the first calls take longer. On a processor a burst is
    taken again while more pages of the heap are new in it than in the one with the fewest so far.

    What was disturbed is taken again, and counted in `retaken`: a burst in which the process had
    the processor for less than PREEMPTED of the time, one with too few calls, a slope that no call
    could have. The last try counts, and in `disturbed` if it was so too. `shares` are processor
    seconds per wall second for each try: of all threads, and of all processes that were started
    (`known` before the burst). `faults` are the fewest new pages of a call. `seen` is shown what
    each timed burst returned, when its time is taken.
    """

    run: Callable[[], Any]
    wait: Callable[[Any], None]
    first: Callable[[], object] | None = None
    asynchronous: bool = False
    seen: Callable[[Any], None] | None = None
    number: int = 1
    warm_up: float = 0.0
    steady: bool = False
    retaken: int = 0
    disturbed: int = 0
    faults: float = float("inf")
    shares: list[float] = field(default_factory=list)
    known: tuple[int, ...] = ()

    @property
    def length(self) -> float:
        """The seconds that the shortest timed burst lasts at least: a slope has one of twice it."""
        return BURST / 2 if self.asynchronous else BURST

    def burst(self, number: int) -> float:
        """Return the seconds that `number` calls and one wait take."""
        return self._timed(number).seconds

    def show(self) -> None:
        """Take a burst more and drop its time: `seen` alone is to look at it."""
        with no_garbage_collection():
            self._timed(self.number, shown=True)

    def _timed(self, number: int, *, shown: bool = False) -> Burst:
        """Return what a burst took; of the processors of children too, where it is shown."""
        run, theirs, faults = self.run, of_children(self.known), _faults()
        busy = time.process_time()
        start = time.perf_counter()
        for _ in range(number):
            out = run()
        self.wait(out)
        elapsed = time.perf_counter() - start
        busy = time.process_time() - busy
        faults = _faults() - faults
        if shown:
            busy += of_children({*self.known, *children()}) - theirs
            if self.seen is not None:
                self.seen(out)
        return Burst(elapsed, busy, faults)

    def prepare(self) -> None:
        """Warm up until steady and choose `number` so that a burst lasts at least `length`."""
        start = time.perf_counter()
        self.wait(self.run())
        elapsed = self._least(1)
        while elapsed < self.length:
            growth = 1.2 * self.length / max(elapsed, 1e-9)
            self.number = max(self.number + 1, int(self.number * min(growth, 10.0)))
            elapsed = self._least(self.number)
        while True:
            previous, elapsed = elapsed, self.burst(self.number)
            self.steady = abs(elapsed - previous) <= STEADY * previous
            if self.steady or time.perf_counter() - start >= WARM_UP_CAP:
                break
        self.warm_up = time.perf_counter() - start

    def _least(self, number: int) -> float:
        """Return the least of LEAST_OF bursts, or of as many as end within WARM_UP_CAP."""
        bursts = [self.burst(number)]
        while len(bursts) < LEAST_OF and sum(bursts) < WARM_UP_CAP:
            bursts.append(self.burst(number))
        return min(bursts)

    def sample(self, count: int) -> list[float]:
        """Return `count` samples [s per call], the garbage collector off."""
        with no_garbage_collection():
            return [self._sample() for _ in range(count)]

    def _sample(self) -> float:
        for attempt in range(TRIES):
            if attempt:
                self.retaken += 1
            seconds, sound = self._slope() if self.asynchronous else self._burst()
            if sound:
                return seconds
        self.disturbed += 1
        return seconds

    def begin(self) -> None:
        """Do what comes first, and a burst that is not timed: what that disturbed settles."""
        self.known = children()
        if self.first is not None:
            self.first()
        self.burst(self.number)

    def _burst(self) -> tuple[float, bool]:
        """Return a burst per call, and whether nothing disturbed it."""
        self.begin()
        elapsed, busy = self._settled()
        seconds, share = elapsed / self.number, busy / max(elapsed, 1e-9)
        self.shares.append(share)
        if elapsed < SHRUNK * self.length:
            self.number = int(self.number * 1.2 * self.length / max(elapsed, 1e-9)) + 1
            return seconds, False
        return seconds, share >= PREEMPTED

    def _settled(self) -> tuple[float, float]:
        """Return the seconds of a burst, and of the processor, when its pages are there."""
        for _ in range(SETTLING):
            burst = self._timed(self.number, shown=True)
            self.faults = min(self.faults, burst.faults / self.number)
            new = burst.faults - self.faults * self.number
            if new * FAULT <= FAULTED * burst.seconds:
                break
        return burst.seconds, burst.busy

    def _slope(self) -> tuple[float, bool]:
        """Return a slope, and whether it can be one; else the mean of the longer burst."""
        self.begin()
        once = self.burst(self.number)
        twice, busy, _ = self._timed(2 * self.number, shown=True)
        slope, mean = (twice - once) / self.number, twice / (2 * self.number)
        self.shares.append(busy / twice)
        sound = mean / AGREE <= slope <= mean * AGREE
        return (slope if sound else mean), sound


def _faults() -> int:
    """Return how many pages this process has touched for the first time."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Keep the garbage collector off for a block of code."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
