"""Energy, power and utilisation of the GPU during a burst, read from NVML; never estimated.

The burst lasts at least a second and PERIODS periods of the energy counter. `energy.gpu` is joules
per call above what the idle GPU uses in the same time, `energy.gpu.gross` without that deduction.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import numpy as np

from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import Probe
from bench.record import nvml
from bench.record.rows import Reading

IDLE = 1.0
"""Seconds over which the idle power is read."""
BURST = 1.0
PERIODS = 50
CHUNK = 0.05
"""Seconds of calls between two readings of utilisation, clock and temperature."""
POLLING = 0.5
STATES = {
    "util.sm": lambda: nvml.utilisation()[0],
    "util.memory": lambda: nvml.utilisation()[1],
    "power.gpu": nvml.power,
    "clock.sm": nvml.clock,
    "temperature.gpu": nvml.temperature,
}


def energy(built: BuiltCase) -> Iterable[Reading]:
    """Yield `energy.gpu` [J], `energy.gpu.gross` [J], and the state of the GPU during the burst."""
    if built.case.target.device != "cuda":
        return
    run, wait = built.run, built.framework.wait
    wait(run())
    try:
        period = counter_period()
        idle_joules, idle_seconds = used(lambda: time.sleep(IDLE))
    except nvml.Unavailable as reason:
        yield Reading("energy.gpu", None, detail={"unavailable": str(reason)})
        period, idle_joules, idle_seconds = 0.0, 0.0, 0.0
    lasting = max(BURST, PERIODS * period)
    states: dict[str, list[float]] = {name: [] for name in STATES}
    missing: dict[str, str] = {}
    throttled: set[str] = set()
    calls = 0

    def burst() -> None:
        nonlocal calls
        end = time.perf_counter() + lasting
        while time.perf_counter() < end:
            chunk = time.perf_counter() + CHUNK
            while time.perf_counter() < chunk:
                out = run()
                calls += 1
            wait(out)
            for name, query in STATES.items():
                try:
                    states[name].append(query())
                except nvml.Unavailable as reason:
                    missing[name] = str(reason)
            try:
                throttled.update(nvml.throttle())
            except nvml.Unavailable as reason:
                missing["throttle"] = str(reason)

    if idle_seconds:
        joules, seconds = used(burst)
        idle = idle_joules / idle_seconds
        detail = {"calls": calls, "seconds": seconds, "idle": idle, "period": period,
                  "throttle": sorted(throttled)}  # fmt: skip
        yield Reading("energy.gpu", (joules - idle * seconds) / calls, n=1, detail=detail)
        yield Reading("energy.gpu.gross", joules / calls, n=1, detail=detail)
    else:
        burst()
    for name, values in states.items():
        if values:
            yield Reading(name, float(np.mean(values)), min(values), max(values), len(values))
        else:
            yield Reading(name, None, detail={"unavailable": missing[name]})


def used(work: Callable[[], None]) -> tuple[float, float]:
    """Return (joules, seconds) that the GPU used while `work` ran."""
    joules, start = nvml.energy(), time.perf_counter()
    work()
    return nvml.energy() - joules, time.perf_counter() - start


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


PROBES = (Probe("energy", energy),)
