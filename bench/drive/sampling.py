"""Are there samples enough, how well is a time known by them, and what is said beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.statistics import series_interval
from bench.ask.profile import Sampling
from bench.record.rows import Reading, Status


def time_of(
    samples: Sequence[float], clock: Mapping[str, Any], target: float
) -> tuple[Reading, Status, str]:
    """Return the time that samples give, its status and the reason.

    What is not known as precisely as is asked (`target`: half an interval, relative) is `noisy`.
    """
    median, low, high = series_interval(samples)
    detail = {**clock, "asked": target}
    reading = Reading("time.host", median, low, high, len(samples), samples, detail)
    half = half_width(samples)
    if half <= target:
        return reading, "ok", ""
    reason = f"known to +- {half:.1%} after {len(samples)} samples, asked for {target:.0%}"
    return reading, "noisy", reason


def flags_of(samples: Sequence[float], clock: Mapping[str, Any]) -> list[str]:
    """Return what the clock says of some samples that people should know."""
    flags = [] if clock["steady"] else ["unsteady"]
    if clock["disturbed"]:
        share = f"{clock['disturbed']} of {len(samples)}"
        flags.append(f"{share} samples disturbed each time they were taken")
    return flags


def half_width(samples: Sequence[float]) -> float:
    """Return half the interval of the median, relative to the median."""
    median, low, high = series_interval(samples)
    return (high - low) / (2 * abs(median)) if median else float("inf")


def enough(samples: Sequence[float], seconds: float, rule: Sampling) -> bool:
    """Return whether these samples, taken in so many seconds, end the sampling."""
    if len(samples) < rule.least:
        return False
    return (
        len(samples) >= rule.most or seconds >= rule.seconds or half_width(samples) <= rule.target
    )
