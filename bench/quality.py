"""Quality stamps: the state of the machine around a measurement, and of the samples themselves."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from bench import nvml

DRIFT_LEVEL = 1e-3
"""Samples whose rank correlation with their order is this improbable by chance are flagged."""


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

    `drift` is Kendall's tau of the samples with their order, and its p-value.
    """
    found: dict[str, Any] = {"before": dict(before), "after": dict(after)}
    flags = []
    if len(samples) >= 5:
        from scipy import stats  # half a second, which every listing would pay

        result = stats.kendalltau(range(len(samples)), samples)
        found["drift"] = {"tau": float(result.statistic), "p": float(result.pvalue)}
        if result.pvalue < DRIFT_LEVEL:
            flags.append("drift")
    if after.get("load", 0.0) > (os.cpu_count() or 1):
        flags.append("busy machine")
    for state in (before, after):
        flags += [f"throttled: {reason}" for reason in state.get("throttle", ())]
        if state.get("foreign"):
            flags.append("foreign processes on the GPU")
    return found | {"flags": list(dict.fromkeys(flags))}
