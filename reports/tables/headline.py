"""Headline tables: for each problem and pass, what it costs, what it computes, is it right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from analysis.verdict import Verdict
from reports.data import expressivity as expressing
from reports.data import roofline
from reports.data.blocks import Block, facts, judged
from reports.data.clocks import COLD, HOST, KERNELS, LAUNCH_BOUND
from reports.data.expressivity import Expressivity
from reports.data.receipt import kernel_of
from reports.data.results import LEVEL, TARGET, Measure, Result
from reports.data.sets import ReportSet
from reports.data.table import Cell, Column, Table
from reports.data.text import (
    NONE,
    decimals,
    fixed,
    listing,
    number,
    percent,
    scale_of,
    scientific,
)
from reports.data.words import STATUSES, Words

COST, COMPUTES, RIGHT = "Cost", "Expressivity", "Correctness, relative"
MEMORY, OTHER = "Memory", "Also measured"
KNOWN = ("time.", "error.", "equiv.", "mem.", "expressivity.")
OTHER_TIMES = (
    "time.kernels", "time.device", "time.device.warm", "time.first", "time.trace", "time.compile",
    "time.build", "time.pack", "time.unpack",
)  # fmt: skip
OTHER_MAP, OTHER_LAYOUT, FLAGGED, LAUNCHES = "†", "‡", "§", "¶"


def table(
    block: Block,
    expressivity: Expressivity,
    known: ReportSet,
    calibration: Mapping[str, Any],
    names: Words,
) -> Table:
    """Return the headline table of a block; `calibration` has what its machine reaches, or {}."""
    ranked, baseline = block.ranked, block.baseline
    clock = block.clock
    clocks = list(dict.fromkeys([clock.probe, HOST.probe]))
    probes = sorted({probe for r in ranked for probe in r.measures})
    times = [p for p in OTHER_TIMES if p in probes and p not in clocks and not known.hidden(p)]
    errors = [p for p in probes if p.startswith("error.")]
    symmetries = [p for p in probes if p.startswith("equiv.")]
    memories = [p for p in probes if p.startswith("mem.")]
    others = [p for p in probes if not p.startswith(KNOWN) and not known.hidden(p)]
    said = judged(block)
    shares = {r.label: roofline.share(r, ranked, calibration) for r in ranked}
    bounded = any(shares.values())
    colds = {r.label: roofline.share(r, ranked, calibration, cold=True) for r in ranked}
    cold = any(colds.values())
    launches = {r.label: _launches(r) for r in ranked}
    counted = any(launches.values())
    units = {p: m.unit for r in ranked for p, m in r.measures.items()}
    scales = {
        p: scale_of(
            [v for r in ranked if (v := r.value(p)) is not None],
            units.get(p, "s"),
            "least" if p in clocks else "middle",
        )
        for p in (*clocks, *times, *memories, *others)
    }
    measured = any(expressivity.of(r, p) for r in ranked for p in expressing.PROBES)
    columns = [
        Column("Operation"),
        Column("Implementation", unit="name in commands, layout, kernel"),
        *(
            Column(f"{label} [{percent(LEVEL)}]", COST, True, unit)
            for label, unit in _clock_heads(block, clocks, scales)
        ),
        Column("against the baseline", COST),
        *(_probe(p, COST, known, scales[p][1]) for p in times),
        *([Column("kernels", COST, True, "of a call")] if counted else []),
        *([Column("roofline", COST, True, "share of time")] if bounded else []),
        *([Column("roofline, cold", COST, True, f"share of {COLD}")] if cold else []),
    ]
    if measured:
        columns += [
            Column("dim", COMPUTES, True, "(derived)"),
            Column("span", COMPUTES, True, "(derived)"),
        ]
    else:
        columns.append(Column("paths", COMPUTES, True))
    columns += [_probe(p, RIGHT, known) for p in (*errors, *symmetries)]
    columns += [_probe(p, MEMORY, known, scales[p][1]) for p in memories]
    columns += [_probe(p, OTHER, known, scales[p][1]) for p in others]

    rows, records = [], []
    marks: set[str] = set()
    for r in ranked:
        cost, found = _cost(r, baseline, clocks, times, scales, said)
        marks |= found
        rows.append(
            [
                Cell(names.operation(r.columns.get("operation")), badge=mark(r, known)),
                Cell(
                    names.implementation(r),
                    _how(r),
                    header=True,
                    below=True,
                    badge="baseline" if r is baseline else "",
                ),
                *cost,
                *([_count(launches[r.label])] if counted else []),
                *([_share(shares[r.label])] if bounded else []),
                *([_share(colds[r.label])] if cold else []),
                *_computes(r, expressivity, measured),
                *(_error(r.measures.get(p)) for p in errors),
                *(_symmetry(r.measures.get(p)) for p in symmetries),
                *(_plain(r.value(p), scales[p][0]) for p in (*memories, *others)),
            ]
        )
        share = shares[r.label]
        records.append(
            record(r, expressivity, units)
            | facts(said.get(r.label))
            | {"baseline": baseline.label if baseline else None}
            | {"roofline": share[0] if share else None}
            | ({"kernels": launches[r.label]} if counted else {})
            | ({"roofline.cold": (colds[r.label] or (None,))[0]} if cold else {})
        )
    pass_, _, where = block.target.partition(", ")
    caption = f"{names.problem(block.results[0])}; {names.pass_(pass_)}; {where}"
    notes = [
        *_notes(block, marks, names),
        *chain.from_iterable(roofline.beyond(r, calibration) for r in ranked),
    ]
    return Table(block.anchor, caption, columns, rows, notes, records)


def _clock_heads(
    block: Block, clocks: Sequence[str], scales: Mapping[str, tuple[float, str]]
) -> list[tuple[str, str]]:
    """Return heading and unit of the time that judges and, where that is another, the host's."""
    if block.clock.plain:
        return [("time of one call", scales[probe][1]) for probe in clocks]
    heads = [block.clock.label, "with launches (host)"]
    return [
        (head, f"{probe}, {scales[probe][1]}") for head, probe in zip(heads, clocks, strict=False)
    ]


def _launches(r: Result) -> float | None:
    """Return how many kernels a published call runs on the device, where that was counted."""
    found = r.measures.get(KERNELS.probe)
    count = found.detail.get("launches") if found and r.published else None
    return float(count) if isinstance(count, int | float) else None


def _share(found: tuple[float, str] | None) -> Cell:
    if found is None:
        return Cell(NONE, spoken="not known", kind="muted")
    return Cell(f"{100 * found[0]:.2g}\N{NO-BREAK SPACE}%", found[1])


def _probe(probe: str, group: str, known: ReportSet, unit: str = "") -> Column:
    return Column(known.title(probe), group, True, unit, about=f"{probe}: {known.meaning(probe)}")


def _how(r: Result) -> str:
    """Return the name that commands have, without its operation, with layout and what ran."""
    parts = [part for part in (str(r.detail.get("layout") or ""), kernel_of(r)) if part]
    return ", ".join([r.label.removeprefix(f"{r.columns.get('operation')}."), *parts])


def mark(r: Result, known: ReportSet) -> str:
    """Return what marks an operation that does not claim a measured subgroup."""
    for probe, measure in r.measures.items():
        if probe.startswith("equiv.") and not measure.claimed:
            name = probe.removeprefix("equiv.")
            return known.marks.get(name, f"not {name}")
    return ""


def _cost(
    r: Result,
    baseline: Result | None,
    clocks: Sequence[str],
    times: Sequence[str],
    scales: Mapping[str, tuple[float, str]],
    said: Mapping[str, Verdict],
) -> tuple[list[Cell], set[str]]:
    if not r.published:
        status = r.status if r.status != "ok" else "withheld"
        return [
            Cell(
                "",
                r.withheld,
                badge=STATUSES[status],
                kind="bad",
                span=1 + len(clocks) + len(times),
            )
        ], set()
    cells = [
        interval(
            r.measures[probe],
            scales[probe][0],
            LAUNCHES if probe == HOST.probe and r.launch_bound else "",
        )
        for probe in clocks
    ]
    marks: set[str] = set()
    flagged = {FLAGGED} if any(r.measures[probe].flags for probe in clocks) else set[str]()
    flagged |= {LAUNCHES} if r.launch_bound else set[str]()
    if baseline is None:
        cells.append(Cell(NONE, spoken="no baseline", kind="muted"))
    else:
        if r.columns.get("operation") != baseline.columns.get("operation"):
            marks.add(OTHER_MAP)
        if r.detail.get("layout") != baseline.detail.get("layout"):
            marks.add(OTHER_LAYOUT)
        cells.append(_against(r, baseline, said.get(r.label), "".join(sorted(marks))))
    cells += [_plain(r.value(p), scales[p][0]) for p in times]
    return cells, marks | flagged


def _against(r: Result, baseline: Result, said: Verdict | None, marks: str) -> Cell:
    if r is baseline:
        return Cell("the baseline", kind="muted")
    if said is None:
        return Cell(NONE, spoken="no round in common with the baseline", kind="muted")
    return Cell(str(said), marks=marks)


def interval(m: Measure, factor: float, marks: str = "") -> Cell:
    """Return `value [lo, hi]`, all with the decimals of the value, and marks before the flag."""
    if m.value is None:
        return Cell(kind="muted")
    places = decimals(m.value / factor)
    bounds = ""
    if m.lo is not None and m.hi is not None:
        bounds = f"[{fixed(m.lo / factor, places)}, {fixed(m.hi / factor, places)}]"
    return Cell(fixed(m.value / factor, places), bounds, marks + (FLAGGED if m.flags else ""))


def _plain(value: float | None, factor: float) -> Cell:
    if value is None:
        return Cell(NONE, spoken="not measured", kind="muted")
    return Cell(fixed(value / factor, decimals(value / factor)))


def _count(value: float | None) -> Cell:
    if value is None:
        return Cell(NONE, spoken="not counted", kind="muted")
    return Cell(number(value))


def _computes(r: Result, expressivity: Expressivity, measured: bool) -> list[Cell]:
    if measured:
        return [expressing.cell(expressivity.of(r, p)) for p in expressing.PROBES]
    paths = r.detail.get("paths")
    return [Cell(number(paths)) if isinstance(paths, int | float) else Cell(kind="muted")]


def _error(m: Measure | None) -> Cell:
    if m is None or (m.value is None and m.status == "ok"):
        return Cell(kind="muted", spoken="not measured")
    if m.status != "ok":
        return Cell(scientific(m.value), marks=" ✗", spoken="failed", kind="bad")
    return Cell(scientific(m.value), marks=" ✓", spoken="passed")


def _symmetry(m: Measure | None) -> Cell:
    if m is not None and not m.claimed:
        return Cell(f"({scientific(m.value)})", spoken="not claimed, reported only", kind="muted")
    return _error(m)


def _notes(block: Block, marks: set[str], names: Words) -> list[str]:
    notes = []
    baseline = block.baseline
    if baseline is None:
        notes.append("No ratios: no baseline was published for this problem and pass.")
    if baseline and OTHER_MAP in marks:
        operation = names.operation(baseline.columns.get("operation"))
        notes.append(
            f"{OTHER_MAP} another operation than the baseline's ({operation}): they compute "
            "different maps, so the ratio is not a speed-up of the same thing."
        )
    if baseline and OTHER_LAYOUT in marks:
        notes.append(
            f"{OTHER_LAYOUT} another layout than the baseline's "
            f"({baseline.detail.get('layout') or 'not stated'}): a change of layout is not timed."
        )
    if block.clock.probe == HOST.probe and not block.clock.plain:
        notes += _missing(block)
    if LAUNCHES in marks:
        notes.append(
            f"{LAUNCHES} launch-bound: {HOST.probe} is more than {LAUNCH_BOUND:g} times "
            f"{KERNELS.probe}; the host cannot feed the device this fast."
        )
    clocks = {block.clock.probe, HOST.probe}
    timed = [r for r in block.results if r.published]
    flags = {f for r in timed for probe in clocks for f in r.measures[probe].flags}
    if flags:
        notes.append(f"{FLAGGED} flagged by the clock: {listing(sorted(flags))}.")
    skipped = sorted(r.label for r in block.results if r.status == "skip")
    if skipped:
        notes.append(f"Not run, for the reasons under Coverage: {listing(skipped)}.")
    return notes


def _missing(block: Block) -> list[str]:
    """Return why the device does not judge a block of a GPU."""
    lacking = [r for r in block.results if r.published and not r.value(KERNELS.probe)]
    reasons = [
        f"{r.label} ({found.reason})" if (found := r.measures.get(KERNELS.probe)) else r.label
        for r in lacking
    ]
    return [
        f"Judged by the host, launches included: there is no {KERNELS.probe} of "
        f"{listing(sorted(reasons))}."
    ] if lacking else []  # fmt: skip


def record(r: Result, expressivity: Expressivity, units: Mapping[str, str]) -> dict[str, Any]:
    """Return one row of the CSV file, in SI units and full precision."""
    names = ("family", "problem", "operation", "implementation", "framework", "pass", "mode")
    data: dict[str, Any] = {name: r.columns.get(name) for name in (*names, *TARGET)}
    data |= {f"facet.{k}": v for k, v in r.facets.items()}
    data |= {"layout": r.detail.get("layout"), "kernel": kernel_of(r) or None}
    data |= {"kernel.declared": r.detail.get("kernel")}
    data |= {"status": r.status, "reason": r.withheld}
    data |= {"tier": r.columns["tier"]} if "tier" in r.columns else {}
    for probe in sorted(units):
        m = r.measures.get(probe)
        if probe.startswith("expressivity."):
            continue
        name = probe if units[probe] == "1" else f"{probe} [{units[probe]}]"
        data[name] = r.value(probe)
        if probe in (r.clock.probe, HOST.probe) and r.published and m:
            data |= {f"{probe}.lo": m.lo, f"{probe}.hi": m.hi, f"{probe}.n": m.n}
        if probe == r.clock.probe and r.published and m:
            data |= {"rounds": len(r.rounds), "flags": " ".join(m.flags)}
        if probe.startswith("equiv.") and m:
            data[f"{probe}.claimed"] = m.claimed
    data |= r.clock.fact
    for probe in expressing.PROBES:
        m = expressivity.of(r, probe)
        data |= {probe: m.value if m else None}
        data |= {f"{probe}.expected": m.expected if m else None}
    return data
