"""Energy, power and utilisation of the GPU while it repeats a call, read from NVML; not estimated.

The energy counter moves in steps, every 20 to 100 ms [@yang2023]. Power is its slope between
steps that were seen, so that the length of a step falls out; `energy.gpu` is (power - power of the
idle GPU) times seconds per call, `energy.gpu.gross` without that deduction. The burst lasts PERIODS
steps at least, its parts give the interval.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import Probe
from bench.record import nvml
from bench.record.rows import Reading

IDLE = 1.0
"""Seconds over which the idle power is read."""
BURST = 1.5
PERIODS = 24
CHUNK = 0.05
"""Seconds of calls that are enqueued before one is waited for."""
POLL = 2e-3
"""Seconds between two readings of the counter."""
POLLING = 0.5
PARTS = 4
SIGMA = 2.0
"""What is less than so many times its own uncertainty is not published."""


@dataclass(frozen=True)
class Power:
    """Power [W] over the whole, and in each of PARTS parts."""

    whole: float
    parts: tuple[float, ...]

    @property
    def error(self) -> float:
        """Return the standard error of the whole, by the scatter of its parts."""
        return float(np.std(self.parts, ddof=1) / len(self.parts) ** 0.5)


def energy(built: BuiltCase) -> Iterable[Reading]:
    """Yield `energy.gpu` [J], `energy.gpu.gross` [J], `power.gpu` [W] and shares of utilisation."""
    if built.case.target.device != "cuda":
        return
    run, wait = built.run, built.framework.wait
    wait(run())
    try:
        period = counter_period()
        idle = power_during(lambda: time.sleep(max(IDLE, PERIODS * period / 2)))
    except nvml.Unavailable as reason:
        yield Reading("energy.gpu", None, detail={"unavailable": str(reason)})
        return
    each = max(1, int(CHUNK / seconds_of(run, wait)))
    calls, seconds = 0, 0.0
    shares: dict[str, float] = {}

    def burst() -> None:
        nonlocal calls, seconds, shares
        before = _counters()
        start = time.perf_counter()
        while seconds < max(BURST, PERIODS * period):
            for _ in range(each):
                out = run()
            wait(out)
            calls, seconds = calls + each, time.perf_counter() - start
        shares = _shares(before)

    try:
        busy = power_during(burst)
    except nvml.Unavailable as reason:
        yield Reading("energy.gpu", None, detail={"unavailable": str(reason)})
        return
    per_call = seconds / calls
    net, error = busy.whole - idle.whole, float(np.hypot(busy.error, idle.error))
    detail = {"calls": calls, "seconds": seconds, "idle": idle.whole, "period": period}
    if net > SIGMA * error:
        low, high = ((net + sign * SIGMA * error) * per_call for sign in (-1, 1))
        yield Reading("energy.gpu", net * per_call, low, high, PARTS, detail=detail)
    else:
        scatter = f"{net:.3g} W above the idle GPU is within the scatter, +- {error:.2g} W"
        yield Reading("energy.gpu", None, detail={**detail, "unavailable": scatter})
    for name, scale in (("energy.gpu.gross", per_call), ("power.gpu", 1.0)):
        half = SIGMA * busy.error * scale
        value = busy.whole * scale
        yield Reading(name, value, value - half, value + half, PARTS, detail=detail)
    for name, value in shares.items():
        yield Reading(name, value, n=1, detail={"seconds": seconds})


def seconds_of(run: Callable[[], object], wait: Callable[[object], None]) -> float:
    """Return the seconds of a call that is waited for, the least of three."""
    found = []
    for _ in range(3):
        start = time.perf_counter()
        wait(run())
        found.append(time.perf_counter() - start)
    return max(min(found), 1e-6)


def _counters() -> object:
    try:
        return nvml.counters()
    except nvml.Unavailable:
        return None


def _shares(before: object) -> dict[str, float]:
    """Return the utilisation since then; of a GPU without GPM, the driver's own share of time."""
    try:
        if before is not None:
            return nvml.shares(before, nvml.counters())
        return {"util.gpu": nvml.utilisation()}
    except nvml.Unavailable:
        return {}


def power_during(work: Callable[[], None]) -> Power:
    """Return the power of the GPU [W] while `work` runs: the slope of the counter between steps.

    Raises:
        Unavailable: when there is no counter, or it moves less than PARTS + 1 times.
    """
    steps: list[tuple[float, float]] = []
    ended = threading.Event()
    failed: list[nvml.Unavailable] = []

    def watch() -> None:
        try:
            value = nvml.energy()
            while not ended.wait(POLL):
                if (now := nvml.energy()) != value:
                    value = now
                    steps.append((time.perf_counter(), value))
        except nvml.Unavailable as reason:
            failed.append(reason)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        ended.set()
        watcher.join()
    if failed:
        raise failed[0]
    return slope(steps)


def slope(steps: list[tuple[float, float]]) -> Power:
    """Return the power of a counter that was seen to step at these times [s] to these values [J].

    Raises:
        Unavailable: when there are too few steps.
    """
    if len(steps) < PARTS + 1:
        raise nvml.Unavailable(f"the energy counter moved {len(steps)} times, too few for a slope")
    cuts = [round(i * (len(steps) - 1) / PARTS) for i in range(PARTS + 1)]
    marks = [steps[cut] for cut in cuts]
    parts = tuple(
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for earlier, later in itertools.pairwise(marks)
    )
    whole = (marks[-1][1] - marks[0][1]) / (marks[-1][0] - marks[0][0])
    return Power(whole, parts)


def counter_period() -> float:
    """Return the seconds between two updates of the energy counter, watched for POLLING s.

    Raises:
        Unavailable: when there is no counter, or it does not move.
    """
    end = time.perf_counter() + POLLING
    value, changes = nvml.energy(), []
    while time.perf_counter() < end:
        if (now := nvml.energy()) != value:
            value = now
            changes.append(time.perf_counter())
    if len(changes) < 3:
        raise nvml.Unavailable(f"the energy counter moved {len(changes)} times in {POLLING} s")
    return float(np.median(np.diff(changes)))


PROBES = (Probe("energy", energy, isolation="after"),)
