"""Quality stamps: the state of the machine around a measurement, and of the samples themselves."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.statistics import drift
from bench.record import nvml

DRIFT_LEVEL = 0.999
"""Samples whose trend excludes none at this level are flagged."""
HELD_BACK = 1e-3
"""Seconds in which power or heat held the GPU back during a measurement that are flagged."""
LEAST = 5
"""Fewer samples have no trend."""


def stamp(device: str) -> dict[str, Any]:
    """Return the load of the machine and, on CUDA, the state of the GPU."""
    found: dict[str, Any] = {"load": round(os.getloadavg()[0], 2)}
    if device == "cuda":
        found |= nvml.state()
    return found


def between(
    before: Mapping[str, Any], after: Mapping[str, Any], samples: Sequence[float]
) -> dict[str, Any]:
    """Return the stamps of a measurement and, in `flags`, what speaks against trusting it.

    `drift` is the trend of the samples as the factor from the first to the last.
    """
    found: dict[str, Any] = {"before": dict(before), "after": dict(after)}
    flags = []
    if len(samples) >= LEAST:
        trend = drift(samples, level=DRIFT_LEVEL)
        found["drift"] = trend.value
        if trend.lo > 1 or trend.hi < 1:
            flags.append("drift")
    if after.get("load", 0.0) > (os.cpu_count() or 1):
        flags.append("busy machine")
    held = after.get("held_back", {})
    for what, seconds in held.items():
        longer = seconds - before.get("held_back", {}).get(what, seconds)
        if longer > HELD_BACK:
            flags.append(f"throttled by {what} for {longer:.2g} s")
    for state in (before, after):
        flags += [f"throttled: {reason}" for reason in state.get("throttle", ())]
        if state.get("foreign"):
            flags.append("foreign processes on the GPU")
    return found | {"flags": list(dict.fromkeys(flags))}
