"""`time.device`: what the GPU itself needs for a call, the latency of launching hidden."""

from __future__ import annotations

from collections.abc import Iterable

from analysis.statistics import series_interval
from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import Probe
from bench.record.rows import Reading

SAMPLES = 31


def device(built: BuiltCase) -> Iterable[Reading]:
    """Yield `time.device` (L2 flushed before each call) and `time.device.warm` (not flushed).

    By CUDA events on a stream that is kept busy until the host has enqueued everything. Nothing
    on the CPU; JAX lends no stream to put events on, and says so: `time.kernels` has both
    frameworks by one clock.
    """
    if built.case.target.device != "cuda":
        return
    if built.implementation.framework != "torch":
        reason = f"{built.implementation.framework} offers no events on its stream"
        yield Reading("time.device", None, detail={"unavailable": reason})
        return
    from bench.measuring import clocks_cuda

    for name, cold in (("time.device", True), ("time.device.warm", False)):
        try:
            timed = clocks_cuda.sample(built.run, SAMPLES, cold)
        except clocks_cuda.Lag as lag:
            yield Reading(name, None, detail={"unavailable": str(lag)})
            return  # what cannot be hidden once cannot be hidden at all
        median, low, high = series_interval(timed.seconds)
        detail = {"clock.sm": timed.clocks, "spin": timed.spin, "retries": timed.retries,
                  "calls": timed.calls, "empty": timed.empty}  # fmt: skip
        yield Reading(name, median, low, high, len(timed.seconds), timed.seconds, detail)


PROBES = (Probe("time.device", device, every_round=True),)
