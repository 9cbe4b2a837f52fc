"""A device with one queue, in virtual time: the host's clock moves only where a GPU would move it.

The host pays for launches and queries, and waits where it would: for the end of the queue, or for
room in it. A wait is over at once, but one of PATIENCE or more really takes that long, so that what
hangs a GPU hangs here as well and a time-out is one.
"""

from __future__ import annotations

import time
from collections import deque

RECORD = 1e-6
"""What an event costs the host [s]."""
READING = 1e-7
"""What a look at the clock or at an event costs the host [s]: a loop that only looks ends, too."""
QUEUE = 1024
"""Launches that the queue holds; the host waits at the next."""
BOOST, IDLE = 1.98e9, 3.45e8
"""The clock of the multiprocessors under load and at rest [Hz]."""
REST = 0.5
"""After this long without work the clock is at rest again [s]."""
PATIENCE = 1.0

_perf_counter, _sleep = time.perf_counter, time.sleep


class Clock:
    """The host's clock: the real one until the device is first used, then a virtual one [s]."""

    def __init__(self) -> None:
        self.virtual: float | None = None
        self.began = _perf_counter()

    def start(self) -> None:
        """Leave real time."""
        if self.virtual is None:
            self.virtual = self.began = _perf_counter()

    def now(self) -> float:
        """Return the time."""
        return _perf_counter() if self.virtual is None else self.virtual

    def read(self) -> float:
        """Return the time, as `time.perf_counter` does."""
        self.spend(READING)
        return self.now()

    def read_ns(self) -> int:
        """Return the time, as `time.perf_counter_ns` does."""
        return int(self.read() * 1e9)

    def spend(self, seconds: float) -> None:
        """Let the host be busy."""
        if self.virtual is not None:
            self.virtual += seconds

    def sleep(self, seconds: float) -> None:
        """Wait, as `time.sleep` does."""
        if self.virtual is None:
            _sleep(seconds)
        else:
            self.wait(self.virtual + seconds)

    def wait(self, until: float) -> None:
        """Wait until a time on the virtual clock."""
        assert self.virtual is not None
        if until - self.virtual >= PATIENCE:
            _sleep(until - self.virtual)
        self.virtual = max(self.virtual, until)


LATER = (
    "\nCUDA kernel errors might be asynchronously reported at some other API call, so the "
    "stacktrace below might be incorrect."
)


class Device:
    """The card as one process sees it.

    `launch` is what a kernel costs the host [s], `ramp` the work [s] until the clock is full, and
    `error` the class of torch's errors of CUDA.
    """

    def __init__(
        self,
        clock: Clock,
        launch: float = 5e-6,
        ramp: float = 0.0,
        error: type[Exception] = RuntimeError,
    ) -> None:
        self.clock, self.launching, self.ramp, self.error = clock, launch, ramp, error
        self.free = 0.0
        self.busy = self.warm = 0.0
        self.queue: deque[float] = deque()
        self.poison = ""
        self.captured: float | None = None
        self.spoilt = False
        self.recorded: list[tuple[float, float]] | None = None

    def rate(self) -> float:
        """Return the clock of the multiprocessors [Hz]."""
        if self.clock.now() - self.free > REST:
            self.warm = 0.0
        share = min(1.0, self.warm / self.ramp) if self.ramp else 1.0
        return IDLE + share * (BOOST - IDLE)

    def check(self) -> None:
        """Raise what this process has done to its context: it never works again."""
        self.clock.start()
        if self.poison:
            raise self.fault(self.poison)

    def fault(self, what: str) -> Exception:
        """Return what torch raises for an answer of CUDA."""
        return self.error(f"CUDA error: {what}{LATER}")

    def fail(self, what: str) -> Exception:
        """Poison the context; return the error."""
        self.poison = what
        return self.fault(what)

    def launch(self, cycles: float, count: int = 1) -> None:
        """Enqueue so many kernels of so many cycles; to a capture they only add their length."""
        self.check()
        if self.captured is not None:
            self.captured += count * cycles
            return
        for _ in range(count):
            self.clock.spend(self.launching)
            seconds = cycles / self.rate()
            end = self._enqueue(seconds)
            if self.recorded is not None:
                self.recorded.append((end - seconds, end))

    def record(self) -> float:
        """Enqueue an event; return when it will have happened."""
        self.check()
        self.clock.spend(RECORD)
        return self._enqueue(0.0)

    def _enqueue(self, seconds: float) -> float:
        now = self.clock.now()
        while self.queue and self.queue[0] <= now:
            self.queue.popleft()
        if len(self.queue) >= QUEUE:
            self.clock.wait(self.queue.popleft())
        self.free = max(self.free, self.clock.now()) + seconds
        self.busy += seconds
        self.warm += seconds
        self.queue.append(self.free)
        return self.free

    def passed(self, when: float) -> bool:
        """Return whether a time has come."""
        self.check()
        return when <= self.clock.read()

    def wait(self, when: float | None = None) -> None:
        """Let the host wait until a time, or for everything; a capture does not outlive it."""
        self.check()
        if self.captured is not None:
            self.spoilt = True
            raise self.fault("operation not permitted when stream is capturing")
        self.clock.wait(self.free if when is None else when)

    def worked(self) -> float:
        """Return how long kernels have run so far [s]."""
        return self.busy - max(0.0, self.free - self.clock.now())


CLOCK = Clock()
"""The clock of this process, which torch and NVML share."""
DEVICES: list[Device] = []
"""The device of this process, once torch is there."""
