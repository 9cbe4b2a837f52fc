"""The device clock: CUDA events around one call, on a stream that never waits for the host.

Before the first event a spinning kernel keeps the stream busy, so that by the time it ends the host
has enqueued the call and both events: launch latency is hidden. If the first event has passed when
the host comes back, the spin was too short; the sample is taken again with twice the spin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

SPIN = 50e-6
"""First length of the spinning kernel [s], at the clock that the driver states."""
RETRIES = 20
FLUSH = 2
"""The buffer that flushes the L2 cache is this many times as large: sectored caches keep some."""


class Lag(Exception):
    """The host cannot enqueue a call before the device starts it; the message says so."""


@dataclass(frozen=True)
class Timed:
    """Samples [s]; the clock of the multiprocessors [Hz] before and after; the last spin [s]."""

    seconds: list[float]
    clocks: tuple[float, float]
    spin: float
    retries: int


def clock_rate() -> float:
    """Return the clock of the multiprocessors [Hz], by a spin of known cycles between events."""
    cycles = 10_000_000
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    torch.cuda._sleep(cycles)
    end.record()
    end.synchronize()
    return cycles / (start.elapsed_time(end) * 1e-3)


def sample(run: Callable[[], Any], count: int, cold: bool) -> Timed:
    """Return `count` times of single calls; the L2 cache is flushed before each when `cold`.

    Raises:
        Lag: when the call waits for the device itself, so that nothing can hide its launch.
    """
    properties = torch.cuda.get_device_properties(torch.cuda.current_device())
    size = max(FLUSH * int(properties.L2_cache_size), 1)
    buffer = torch.empty(size, dtype=torch.int8, device="cuda") if cold else None
    run()
    torch.cuda.synchronize()
    before = clock_rate()
    seconds: list[float] = []
    spin, retries = SPIN, 0
    while len(seconds) < count:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        if buffer is not None:
            buffer.zero_()
        torch.cuda._sleep(int(spin * before))
        start.record()
        run()
        end.record()
        hidden = not start.query()
        end.synchronize()
        if hidden:
            seconds.append(start.elapsed_time(end) * 1e-3)
        elif retries == RETRIES:
            raise Lag(f"the call is not enqueued within {spin:.1g} s: it waits for the device")
        else:
            spin, retries = 2 * spin, retries + 1
    return Timed(seconds, (before, clock_rate()), spin, retries)
