"""The roofline of a time: what its machine was measured to reach, and what is beyond belief."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.roofline import bound
from reports.data.clocks import COLD
from reports.data.results import Result

BELIEF = 1.5
"""A rate above that of large matrix products by more than this is not believed."""

CACHE = 2.0**27
"""The caches of a GPU hold at most this [B]; what fits may be faster than the memory, if warm."""


def share(
    r: Result, others: Sequence[Result], calibration: Mapping[str, Any], cold: bool = False
) -> tuple[float, str] | None:
    """Return the share of the time that the machine could not do without, and what limits it.

    The time is the one that judges or, if `cold`, that of calls on a GPU that find nothing in its
    caches. The bandwidth of the memory limits a call on a GPU that is cold, or too large for them.

    The arithmetic is the least that is known: of the nonzero coefficients, or what XLA counts of
    an implementation of the operation, which may do with less (grids at a large lmax).
    """
    time = r.value(COLD) if cold else r.time
    rate, bandwidth = _rate(r, calibration), _peaks(r, calibration).get("copy")
    flops, size = r.value("cost.flops"), r.value("cost.bytes")
    if not (time and rate and bandwidth) or flops is None or size is None:
        return None
    if r.columns.get("device") == "cuda" and not cold and size <= CACHE:
        size = 0.0
    alike = [o for o in others if o.columns.get("operation") == r.columns.get("operation")]
    counted = [n for o in alike if (n := o.value("cost.flops.xla")) is not None]
    least = bound(min([flops, *counted]), size, rate, bandwidth)
    return least.seconds / time, least.limit


def beyond(r: Result, calibration: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each count of arithmetic that no time of this machine explains."""
    time, rate = r.time, _rate(r, calibration)
    if not (time and rate):
        return []
    counts = {p: r.value(p) for p in r.measures if p.startswith("cost.flops.")}
    return [
        f"{r.label}: {probe} in {r.clock.probe} is {count / time / rate:.1f} times the rate of "
        "large matrix products here. One of the two is wrong."
        for probe, count in counts.items()
        if count and count > BELIEF * rate * time
    ]


def _rate(r: Result, calibration: Mapping[str, Any]) -> float | None:
    return _peaks(r, calibration).get(f"gemm.{r.columns.get('dtype')}")


def _peaks(r: Result, calibration: Mapping[str, Any]) -> Mapping[str, float]:
    """Return what a result's device reached with its threads and precision; {} if unknown."""
    device = r.columns.get("device")
    if not calibration or r.columns.get("precision") != "ieee":
        return {}
    if calibration.get("device", device) != device:
        return {}
    threads = calibration["design"].get("threads", 1)  # older ones do not say: one
    peaks: Mapping[str, float] = calibration["peaks"] if r.columns.get("threads") == threads else {}
    return peaks
