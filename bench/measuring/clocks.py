"""The host clock: warm-up, calibrated bursts, and the slope of two of them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

BURST = 5e-3
"""A burst of n calls lasts at least this long [s], and one of 2n twice as long, so that two clock
readings weigh less than a thousandth."""
RESOLUTION = 1e-9
"""The least time that a slope can be [s]."""
STEADY = 0.05
WARM_UP_CAP = 1.0
"""Warm-up ends when two successive bursts agree to STEADY, or after this long [s]."""


@dataclass
class HostClock:
    """Times bursts of `run`; `wait` blocks until a result is there.

    A sample is the slope (T(2n) - T(n)) / n of two bursts with one synchronisation each, so that
    what a burst costs once (the wait, filling the queue of a device) cancels. Before each sample
    comes `first`, and a call after it that is not timed.
    """

    run: Callable[[], Any]
    wait: Callable[[Any], None]
    first: Callable[[], object] | None = None
    number: int = 1
    warm_up: float = 0.0
    steady: bool = False

    def burst(self, number: int) -> float:
        """Return the seconds that `number` calls and one wait take."""
        run = self.run
        start = time.perf_counter()
        for _ in range(number):
            out = run()
        self.wait(out)
        return time.perf_counter() - start

    def prepare(self) -> None:
        """Warm up until steady and choose `number` so that a burst lasts at least BURST."""
        start = time.perf_counter()
        self.wait(self.run())
        elapsed = self.burst(1)
        while elapsed < BURST:
            growth = 1.2 * BURST / max(elapsed, 1e-9)
            self.number = max(self.number + 1, int(self.number * min(growth, 10.0)))
            elapsed = self.burst(self.number)
        while True:
            previous, elapsed = elapsed, self.burst(self.number)
            self.steady = abs(elapsed - previous) <= STEADY * previous
            if self.steady or time.perf_counter() - start >= WARM_UP_CAP:
                break
        self.warm_up = time.perf_counter() - start

    def sample(self, count: int) -> list[float]:
        """Return `count` slopes [s per call], the garbage collector off.

        A disturbance of the shorter burst makes a slope smaller; one below RESOLUTION is given as
        that. None is left out, and their median is not moved.
        """
        with _no_garbage_collection():
            return [self._slope() for _ in range(count)]

    def bursts(self, count: int) -> list[float]:
        """Return `count` bursts [s per call], the wait included, the garbage collector off.

        Shorter than a slope and less scattered, for comparing like with like: what a burst costs
        once is in it, the same on both sides.
        """
        with _no_garbage_collection():
            return [self._burst() for _ in range(count)]

    def _burst(self) -> float:
        self._begin()
        return self.burst(self.number) / self.number

    def _begin(self) -> None:
        if self.first is not None:
            self.first()
            self.wait(self.run())

    def _slope(self) -> float:
        self._begin()
        once = self.burst(self.number)
        return max((self.burst(2 * self.number) - once) / self.number, RESOLUTION)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
