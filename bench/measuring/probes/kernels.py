"""`time.kernels`: how long kernels of a call run on the GPU, by one clock for all frameworks.

CUPTI records the begin and the end of every kernel and copy [@cupti2025]. The time of a call is the
length of the union of these: what the device needs when nothing but its own work holds it up, with
neither launches nor the gaps between kernels, which `gaps` has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from analysis.statistics import series_interval
from bench.measuring.built_case import BuiltCase
from bench.measuring.frameworks import Activity
from bench.measuring.probes import Probe
from bench.record.rows import Reading

CALLS, TURNS = 5, 4
"""Calls that are recorded, after as many that are not, and how often, in turn with a block."""
NAME = 120
"""So much of the name of a kernel is kept: those of templates are long."""


def kernels(built: BuiltCase) -> Iterable[Reading]:
    """Yield `time.kernels` [s], a sample for each of CALLS calls; nothing on the CPU.

    In its detail: `launches` (kernels) and `copies` of a call, `gaps` [s] between them (with the
    host's launches in it where these are slower), `longest`, the kernel that takes most, and
    `kernels`, how often a call launches each, the longest first.
    """
    if built.case.target.device != "cuda":
        return

    def calls() -> None:
        for _ in range(CALLS):
            out = built.run()
        built.framework.wait(out)

    calls()
    found = built.framework.traced(calls)
    if not found:
        reason = "the profiler recorded no kernel: another may hold CUPTI, or it may not be allowed"
        yield Reading("time.kernels", None, detail={"unavailable": reason})
        return
    yield reading(found, CALLS)


def reading(found: Sequence[Activity], calls: int) -> Reading:
    """Return the reading of what the GPU did in so many calls, in order of time.

    Calls are told apart by counting, where each did equally much; else there is only their mean.
    """
    whole = len(found) % calls == 0
    each = len(found) // calls if whole else len(found)
    parts = [found[i : i + each] for i in range(0, len(found), each)]
    share = 1 if whole else calls
    busy = [_union(part) / share for part in parts]
    spans = [(max(a.end for a in part) - part[0].start) / share for part in parts]
    by_name: dict[str, float] = {}
    for activity in found:
        name = activity.name[:NAME]
        by_name[name] = by_name.get(name, 0.0) + activity.end - activity.start
    copies = sum(activity.copy for activity in found)
    counts = Counter(activity.name[:NAME] for activity in found if not activity.copy)
    ordered = sorted(by_name, key=lambda name: -by_name[name])
    detail = {
        "launches": (len(found) - copies) / calls,
        "copies": copies / calls,
        "gaps": float(np.median(np.array(spans) - np.array(busy))),
        "longest": ordered[0],
        "kernels": {name: counts[name] / calls for name in ordered if name in counts},
    }
    if not whole:
        return Reading("time.kernels", busy[0], n=1, samples=busy, detail=detail)
    median, low, high = series_interval(busy)
    return Reading("time.kernels", median, low, high, len(busy), busy, detail)


def _union(part: Sequence[Activity]) -> float:
    """Return the length of the union of intervals in order of their starts [s]."""
    total, until = 0.0, float("-inf")
    for activity in part:
        total += max(0.0, activity.end - max(activity.start, until))
        until = max(until, activity.end)
    return total


PROBES = (Probe("time.kernels", kernels, isolation="trace", every_round=True, turns=TURNS),)
