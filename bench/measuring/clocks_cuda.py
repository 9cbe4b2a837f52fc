"""The device clock: CUDA events around calls, on a stream that never waits for the host.

Before the first event a spinning kernel keeps the stream busy, so that by the time it ends the host
has enqueued the calls and both events: launch latency is hidden. If the first event has passed when
the host comes back, the spin was too short; the sample is taken again with twice the spin.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

SPIN = 50e-6
"""Least length of the spinning kernel [s]; it is also HEAD times what enqueueing takes."""
HEAD = 1.5
PATIENCE = 0.25
"""Spins that were too short may last so long in all [s]: what they cannot hide, nothing can."""
WARM_UP = 0.05
"""The GPU works so long before it is timed [s]: its clock rises from idle."""
SHORT = 20e-6
LONG = 200e-6
"""Calls shorter than SHORT are timed several between two events, LONG together [s]."""
STEADY = 0.01
"""The clock of the multiprocessors is known when two spins agree to this share."""
TRIES = 20
DROP = 0.9
"""Samples are taken once more when the clock fell below this share of what it was."""
FLUSH = 2
"""The buffer that flushes the L2 cache is this many times as large: sectored caches keep some."""
EMPTY = 11
"""Pairs of events with nothing between, whose median length is in every sample."""


class Lag(Exception):
    """The host cannot enqueue a call before the device starts it; the message says so."""


@dataclass(frozen=True)
class Timed:
    """Samples [s] of `calls` calls each, per call; the clock [Hz] before and after; the last spin
    [s]; what two events with nothing between are apart [s]: it is taken off."""

    seconds: list[float]
    clocks: tuple[float, float]
    spin: float
    retries: int
    calls: int
    empty: float


def clock_rate() -> float:
    """Return the clock of the multiprocessors [Hz], by spins of known cycles between events.

    Spins are repeated until two agree: the first loads a module, and the clock of an idle GPU is
    still rising.
    """
    cycles, rates = 10_000_000, [0.0]
    for _ in range(TRIES):
        rates.append(cycles / _between(lambda: torch.cuda._sleep(cycles)))
        if abs(rates[-1] - rates[-2]) <= STEADY * rates[-1]:
            break
    return rates[-1]


def _between(work: Callable[[], Any]) -> float:
    """Return the seconds between two events around some work."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    work()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) * 1e-3


def warm_up(run: Callable[[], Any]) -> float:
    """Let the GPU work for WARM_UP; return the seconds in which the host enqueues a call, at least.

    A call is enqueued to an empty stream, so that no full queue holds the host up.
    """
    end, least = time.perf_counter() + WARM_UP, float("inf")
    while True:
        torch.cuda.synchronize()
        began = time.perf_counter()
        run()
        least = min(least, time.perf_counter() - began)
        if time.perf_counter() >= end:
            torch.cuda.synchronize()
            return least


def sample(run: Callable[[], Any], count: int, cold: bool) -> Timed:
    """Return `count` times of calls; the L2 cache is flushed before each when `cold`.

    Raises:
        Lag: when the call waits for the device itself, or has more launches than the device's
            queue holds, so that nothing can hide them.
    """
    timed = _sample(run, count, cold)
    if timed.clocks[1] < DROP * timed.clocks[0]:
        timed = _sample(run, count, cold)
    return timed


def _sample(run: Callable[[], Any], count: int, cold: bool) -> Timed:
    properties = torch.cuda.get_device_properties(torch.cuda.current_device())
    size = max(FLUSH * int(properties.L2_cache_size), 1)
    buffer = torch.empty(size, dtype=torch.int8, device="cuda") if cold else None
    host = warm_up(run)
    rate = clock_rate()
    spin, spent, retries = max(SPIN, HEAD * host), 0.0, 0
    if spin > PATIENCE:
        raise Lag(_too_long(host))

    def hidden(work: Callable[[], Any]) -> float:
        """Return the seconds between events, the work enqueued while the device spins."""
        nonlocal spin, spent, retries
        while True:
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            if buffer is not None:
                buffer.zero_()
            torch.cuda._sleep(int(spin * rate))
            start.record()
            work()
            end.record()
            in_time = not start.query()
            end.synchronize()
            if in_time:
                return float(start.elapsed_time(end)) * 1e-3
            spent, retries = spent + spin, retries + 1
            if spent + 2 * spin > PATIENCE:
                raise Lag(_too_long(spin))
            spin *= 2

    empty = sorted(hidden(lambda: None) for _ in range(EMPTY))[EMPTY // 2]
    once = hidden(run) - empty
    calls = 1 if cold or once >= SHORT else max(1, int(LONG / max(once, 1e-6)))

    def several() -> None:
        for _ in range(calls):
            run()

    spin = max(spin, HEAD * host * calls)
    seconds = [(hidden(several) - empty) / calls for _ in range(count)]
    return Timed(seconds, (rate, clock_rate()), spin, retries, calls, empty)


def _too_long(seconds: float) -> str:
    return (
        f"the call is not enqueued while the device is busy for {seconds:.1g} s: it waits for the "
        "device, or has more launches than the queue of the device holds"
    )
