"""Results: the rows of one case, its rounds pooled, judged once for the whole page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from analysis.statistics import hierarchical_interval
from bench.record.rows import FINISHED, STATUSES, TIMED, latest
from reports.data.clocks import HOST, JUDGES, KERNELS, LAUNCH_BOUND, SAMPLED, Clock
from reports.data.text import count, decimals, fixed, natural, quantity, scale_of

LEVEL = 0.95
BADNESS = ("ok", "noisy", "skip", *(s for s in STATUSES if s not in ("ok", "noisy", "skip")))
TARGET = ("dtype", "device", "precision", "threads", "draws", "protocol")
"""What must be equal for times to be compared: `draws` is the version of how arrays are drawn,
`protocol` that of what a time means."""
CASE = ("case", "draws", "protocol", "machine", "environment")
"""What all rows of a result share, beside the key of the code that was last finished."""
BLOCK = ("problem", "pass", *TARGET, "machine", "environment")
"""What all results of a block share: one problem and pass on one target and machine."""
GATES = ("error.", "equiv.")
FRESH = "mem.fresh."

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Measure:
    """One quantity of one case over all its rounds.

    `limit` is the largest value that passes, `expected` what is derived of it, and a symmetry that
    is not `claimed` gates nothing.
    """

    unit: str
    value: float | None
    lo: float | None
    hi: float | None
    n: int
    status: str
    reason: str
    detail: Mapping[str, Any]
    flags: tuple[str, ...] = ()
    limit: float | None = None
    claimed: bool = True
    expected: float | None = None

    @property
    def passes(self) -> bool:
        """Return whether a gate of this quantity is open: it has a value within its limit."""
        within = self.limit is None or (self.value is not None and self.value <= self.limit)
        return self.status == "ok" and self.value is not None and within


@dataclass(frozen=True)
class Result:
    """One case: what was measured and whether its time may be shown.

    `withheld` says why no time is shown; it is empty exactly when the time is published. `sampled`
    has the samples of each round for each clock; `clock` is the one that judges its block.
    """

    columns: Row
    label: str
    status: str
    withheld: str
    detail: Mapping[str, Any]
    measures: Mapping[str, Measure]
    sampled: Mapping[str, Mapping[int, tuple[float, ...]]]
    clock: Clock = HOST

    @property
    def published(self) -> bool:
        """Return whether times of this case are shown."""
        return not self.withheld

    @property
    def right(self) -> bool | None:
        """Return whether every gate passed; None for what was not judged."""
        judged = any(p.startswith("error.") and m.value is not None for p, m in self.gates)
        if self.status == "wrong":
            return False
        return all(m.passes for _, m in self.gates) if judged else None

    @property
    def gates(self) -> list[tuple[str, Measure]]:
        """Return what gates the time: accuracy, and the symmetries that are claimed."""
        return _gates(self.measures)

    @property
    def time(self) -> float | None:
        """Return the published time of one call [s], by the clock that judges, else None."""
        return self.value(self.clock.probe)

    @property
    def rounds(self) -> Mapping[int, tuple[float, ...]]:
        """Return the samples [s] of each round, by the clock that judges."""
        return self.sampled.get(self.clock.probe, {})

    @property
    def memory(self) -> float | None:
        """Return the peak of a call in a fresh process [B], whatever its source on this device."""
        found = [
            v for p in self.measures if p.startswith(FRESH) and (v := self.value(p)) is not None
        ]
        return found[0] if found else None

    @property
    def launch_bound(self) -> bool | None:
        """Return whether the host cannot feed the GPU this fast; None where that is not known."""
        host, kernels = self.value(HOST.probe), self.value(KERNELS.probe)
        if self.columns.get("device") != "cuda" or not (host and kernels):
            return None
        return host > LAUNCH_BOUND * kernels

    @cached_property
    def knobs(self) -> Mapping[str, Any]:
        """Return the knobs that are not at their defaults, by name."""
        return turned(self.columns)

    @cached_property
    def facets(self) -> Mapping[str, Any]:
        """Return the facets of the problem by name."""
        return {k[6:]: v for k, v in self.columns.items() if k.startswith("facet.")}

    @cached_property
    def sizes(self) -> Mapping[str, float]:
        """Return the facets that are numbers, the main axis of the family first."""
        return {
            name: float(value)
            for name, value in self.facets.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }

    def get(self, name: str) -> Any:
        """Return a facet or, failing that, a column (pass, dtype, device ...)."""
        return self.columns.get(f"facet.{name}", self.columns.get(name))

    def value(self, probe: str) -> float | None:
        """Return the value of a probe that may be shown, else None."""
        measure = self.measures.get(probe)
        if measure is None or (probe.startswith("time.") and not self.published):
            return None
        return measure.value if measure.status in TIMED or probe.startswith(GATES) else None


def timed(r: Result) -> str:
    """Return the time of one call with its interval: `79.7 µs [78.9, 81.2]`."""
    m = r.measures[r.clock.probe]
    shown = quantity(r.time or 0.0, "s")
    if m.value is None or m.lo is None or m.hi is None:
        return shown
    factor, _ = scale_of([m.value], "s")
    places = decimals(m.value / factor)
    return f"{shown} [{fixed(m.lo / factor, places)}, {fixed(m.hi / factor, places)}]"


def summarise(rows: Iterable[Row]) -> tuple[list[Result], int]:
    """Return one result for all that shares CASE, and how many are left out.

    A case whose code changed during a run has several keys; the last one finished counts, and
    the older ones are left out.
    """
    by_case: dict[tuple[Any, ...], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in latest(rows):
        keys = by_case[tuple(row.get(name) for name in CASE)]
        group = keys.setdefault(row["key"], [])
        group.append(row)
        if row["probe"] == FINISHED:
            keys[row["key"]] = keys.pop(row["key"])
    kept, superseded = [], 0
    for keys in by_case.values():
        superseded += len(keys) - 1
        kept.append(list(keys.values())[-1])
    modes: dict[str, set[str]] = defaultdict(set)
    for group in kept:
        modes[str(group[0].get("implementation"))].add(str(group[0].get("mode")))
    return _judged(sorted((_result(group, modes) for group in kept), key=_order)), superseded


def _judged(results: Sequence[Result]) -> list[Result]:
    """Return the results with the clock that judges their block, and how precise they are by it."""
    blocks: dict[tuple[Any, ...], list[Result]] = defaultdict(list)
    for r in results:
        blocks[tuple(r.columns.get(name) for name in BLOCK)].append(r)
    clocks = {key: judge(found) for key, found in blocks.items()}
    return [_by(r, clocks[tuple(r.columns.get(n) for n in BLOCK)]) for r in results]


def _by(r: Result, clock: Clock) -> Result:
    measure = r.measures.get(clock.probe)
    status = measure.status if measure and r.status in TIMED else r.status
    return replace(r, clock=clock, status=status)


def judge(results: Sequence[Result]) -> Clock:
    """Return the clock that judges the results of a block: the best that all published ones have.

    Where one of them lacks it, none is judged by it: a comparison has both sides by one clock.
    """
    *better, last = JUDGES.get(str(results[0].columns.get("device")), (HOST,))
    timed = [r for r in results if r.published]
    found = (c for c in better if timed and all((r.value(c.probe) or 0) > 0 for r in timed))
    return next(found, last)


def _order(result: Result) -> tuple[Any, ...]:
    columns = result.columns
    return (
        str(columns.get("family")),
        [natural(v) for v in result.facets.values()],
        [natural(columns.get(name)) for name in ("problem", "pass", *TARGET, "machine")],
        result.label,
        str(columns.get("environment")),
    )


def _result(rows: Sequence[Row], modes: Mapping[str, set[str]]) -> Result:
    finals = [row for row in rows if row["probe"] == FINISHED]
    measured = [row for row in finals if row["status"] != "skip"]
    worst = max(measured or finals, key=lambda row: BADNESS.index(row["status"]))
    used = {row["round"] for row in measured}
    by_probe: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["probe"] != FINISHED and row["round"] in used:
            by_probe[row["probe"]].append(row)
    judged = by_probe.get(HOST.probe, [])
    wanted = max((row["detail"].get("asked") or 0.0 for row in judged), default=0.0)
    measures = {
        probe: _pool(probe, found, wanted if probe == KERNELS.probe else 0.0)
        for probe, found in sorted(by_probe.items())
    }
    sampled = {
        probe: {
            row["round"]: tuple(row["samples"]) or (row["value"],)
            for row in by_probe[probe]
            if row["status"] in TIMED and (row["samples"] or row["value"] is not None)
        }
        for probe in SAMPLED
        if probe in by_probe
    }
    return Result(
        columns=worst,
        label=_label(worst, modes),
        status=worst["status"],
        withheld=_withheld(worst, measures),
        detail=worst["detail"],
        measures=measures,
        sampled=sampled,
    )


def turned(row: Row) -> dict[str, Any]:
    """Return the knobs that the id of a case names, those not at their defaults, by name."""
    said = str(row.get("case")).partition(f"::{row.get('implementation')}{{")[2].partition("}")[0]
    named = set(said.split(","))
    knobs = {k[5:]: v for k, v in sorted(row.items()) if k.startswith("knob.")}
    return {k: v for k, v in knobs.items() if f"{k}={v}" in named}


def _label(row: Row, modes: Mapping[str, set[str]]) -> str:
    name = str(row.get("implementation"))
    knobs = ",".join(f"{k}={v}" for k, v in turned(row).items())
    options = "".join(f"[{k[7:]}={v}]" for k, v in sorted(row.items()) if k.startswith("option."))
    mode = f" ({row.get('mode')})" if len(modes[name]) > 1 else ""
    return "".join([name, f"{{{knobs}}}" if knobs else "", options, mode])


def _pool(probe: str, rows: Sequence[Row], wanted: float = 0.0) -> Measure:
    """Pool the rounds: a clock over processes, worst error, highest peak, median otherwise.

    A clock with a sample that is not positive has no interval: it could not resolve the time.
    `wanted` is how precise a clock has to be that sampling did not judge: half its interval,
    relative.
    """
    bad = max(rows, key=lambda row: BADNESS.index(row["status"]))
    values = [float(row["value"]) for row in rows if row["value"] is not None]
    samples = [s for row in rows for s in row["samples"]]
    first = rows[0]
    value: float | None = max(values, default=None)
    lo: float | None = None
    hi: float | None = None
    of_value = next((row for row in rows if row["value"] == value), first)
    if probe.startswith(SAMPLED) and samples and min(samples) > 0:
        groups = [row["samples"] for row in rows if row["samples"]]
        value, lo, hi = hierarchical_interval(groups, level=LEVEL)
    elif values and not probe.startswith((*GATES, "mem.")):
        value = float(np.median(values))
        if len(values) == 1:
            lo, hi = first["lo"], first["hi"]
    status, reason = bad["status"], bad["reason"]
    asked = [row["detail"].get("asked") for row in rows]
    if all(asked) and len(rows) > 1:  # of one round, sampling has judged
        wanted = max(asked)
    if status in TIMED and wanted and lo is not None and hi is not None:
        reached = (hi - lo) / (2 * (value or hi))
        status = "ok" if reached <= wanted else "noisy"
        reason = "" if status == "ok" else (
            f"known to +- {reached:.1%} over {count(len(rows), 'round')}, asked for {wanted:.0%}"
        )  # fmt: skip
    told = bad if status != "ok" else of_value
    n = len(samples) or sum(row["n"] for row in rows) or len(rows)
    flags = sorted({str(f) for row in rows for f in row["quality"].get("flags") or ()})
    flags += [f"{reason}"] if status == "noisy" else []
    return Measure(
        first["unit"],
        value,
        lo,
        hi,
        n,
        status,
        reason,
        told["detail"],
        tuple(flags),
        limit=told["limit"],
        claimed=told["claimed"] is not False,
        expected=told["expected"],
    )


def _gates(measures: Mapping[str, Measure]) -> list[tuple[str, Measure]]:
    return [
        (probe, m)
        for probe, m in measures.items()
        if probe.startswith("error.") or (probe.startswith("equiv.") and m.claimed)
    ]


def _withheld(final: Row, measures: Mapping[str, Measure]) -> str:
    """Return why a time may not be shown: only what is right, and was checked, has a time."""
    if final["status"] not in TIMED:
        return str(final["reason"]) or "no reason was given"
    gates = _gates(measures)
    if not any(probe.startswith("error.") for probe, _ in gates):
        return "no accuracy was measured in the same run"
    for probe, measure in gates:
        if not measure.passes:
            return measure.reason or f"{probe} did not pass"
    time = measures.get(HOST.probe)
    if time is None or time.value is None:
        return "no host time was measured"
    return "" if time.status in TIMED else time.reason or f"host time is {time.status}"
