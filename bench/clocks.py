"""The host clock: warm-up, calibrated bursts, one synchronisation each."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

BURST = 10e-3
"""A burst lasts at least this long [s], so that one synchronisation and two clock readings weigh
less than a thousandth."""
STEADY = 0.05
WARM_UP_CAP = 1.0
"""Warm-up ends when two successive bursts agree to STEADY, or after this long [s]."""


@dataclass
class HostClock:
    """Times bursts of `number` calls of `run`; `wait` blocks until a result is there."""

    run: Callable[[], Any]
    wait: Callable[[Any], None]
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
        """Return seconds per call of `count` bursts, the garbage collector off."""
        enabled = gc.isenabled()
        gc.disable()
        try:
            return [self.burst(self.number) / self.number for _ in range(count)]
        finally:
            if enabled:
                gc.enable()
