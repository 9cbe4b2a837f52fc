"""What each operation can express, joined to results by operation and facets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reports.data.results import Measure, Result
from reports.data.sets import ReportSet
from reports.data.table import Cell, Column, Table
from reports.data.text import NONE, natural, number
from reports.data.words import Words

PROBES = ("expressivity.dim", "expressivity.span")
DIM, SPAN = PROBES
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Expressivity:
    """Measured expressivity by (family, operation, facets that matter, protocol)."""

    ignore: frozenset[str]
    found: Mapping[Key, Mapping[str, Measure]] = field(default_factory=dict)
    facets: Mapping[Key, Mapping[str, Any]] = field(default_factory=dict)

    def key(self, result: Result) -> Key:
        """Return what a result is looked up by."""
        facets = tuple(self.settings(result).items())
        family, operation, protocol = (
            str(result.columns.get(name)) for name in ("family", "operation", "protocol")
        )
        return family, operation, facets, protocol

    def settings(self, result: Result) -> dict[str, Any]:
        """Return the facets that matter, and the knobs that are not at their defaults."""
        return {k: v for k, v in result.facets.items() if k not in self.ignore} | dict(result.knobs)

    def of(self, result: Result, probe: str) -> Measure | None:
        """Return the measured expressivity of a result's operation, or None."""
        return self.found.get(self.key(result), {}).get(probe)

    @property
    def protocols(self) -> set[str]:
        """Return the protocols by which it was measured."""
        return {key[3] for key in self.found}

    def dim(self, result: Result) -> float | None:
        """Return the measured dimension, or None."""
        measure = self.of(result, DIM)
        return measure.value if measure else None

    def full(self, result: Result) -> float | None:
        """Return the dimension of all equivariant maps that the problem asks for, or None."""
        measure = self.of(result, DIM)
        found = measure.detail.get("full") if measure else None
        return float(found) if isinstance(found, int | float) else None


def collect(results: Iterable[Result], ignore: frozenset[str]) -> Expressivity:
    """Gather the expressivity rows; of several for one operation, one that disagrees wins."""
    empty = Expressivity(ignore)
    found: dict[Key, dict[str, Measure]] = defaultdict(dict)
    facets: dict[Key, Mapping[str, Any]] = {}
    for result in results:
        for probe in PROBES:
            measure = result.measures.get(probe)
            if measure is None:
                continue
            key = empty.key(result)
            facets[key] = empty.settings(result)
            if probe not in found[key] or not agrees(measure):
                found[key][probe] = measure
    order = sorted(found, key=lambda k: (k[0], k[1], [natural(v) for _, v in k[2]], k[3]))
    return Expressivity(ignore, {key: found[key] for key in order}, facets)


def agrees(measure: Measure) -> bool:
    """Return whether nothing that was measured differs from what the coefficients say."""
    expected = measure.expected
    if measure.status == "skip":
        return True
    return measure.status == "ok" and (expected is None or measure.value == expected)


def cell(measure: Measure | None) -> Cell:
    """Return `measured (derived)`, marked when they differ."""
    expected = measure.expected if measure else None
    small = f"({number(expected)})" if expected is not None else ""
    if measure is None or measure.value is None:
        return Cell(NONE, small, spoken="not measured", kind="muted")
    if agrees(measure):
        return Cell(number(measure.value), small, spoken="as derived" if small else "")
    return Cell(number(measure.value), small, badge="differs", kind="bad")


def table(expressivity: Expressivity, known: ReportSet, read: Words) -> Table | None:
    """Return the table of all measured expressivity, or None when there is none."""
    if not expressivity.found:
        return None
    names = list(dict.fromkeys(n for key in expressivity.found for n in expressivity.facets[key]))
    family = {n: key[0] for key in expressivity.found for n in expressivity.facets[key]}
    columns = [
        Column("Operation"),
        *(Column(read.facet(family[n], n), numeric=_numeric(expressivity, n)) for n in names),
    ]
    apart = len(expressivity.protocols) > 1
    columns += [Column("protocol")] if apart else []
    for probe in PROBES:
        short = probe.removeprefix("expressivity.")
        columns += [
            Column("measured", short, True),
            Column("derived", short, True),
            Column("agree", short, vertical=True),
        ]
    columns += [Column("spectral gap", "rank decision", True), Column("verdict", "rank decision")]
    rows, records = [], []
    for key, measures in expressivity.found.items():
        facets = expressivity.facets[key]
        cells = [Cell(read.operation(key[1]), header=True)]
        cells += [_setting(key[0], n, facets.get(n), read) for n in names]
        record: dict[str, Any] = {"family": key[0], "operation": key[1], **facets}
        if apart:
            cells.append(Cell(key[3]))
            record["protocol"] = key[3]
        for probe in PROBES:
            m = measures.get(probe)
            cells += _measured(m)
            if m:
                record |= {probe: m.value, f"{probe}.expected": m.expected}
                record |= {f"{probe}.{k}": m.detail.get(k) for k in ("gap", "verdict")}
        rows.append(cells + _decision(measures))
        records.append(record)
    notes = [f"{probe}: {known.probes[probe]}." for probe in PROBES if probe in known.probes]
    caption = "Expressivity: measured on the running code, and derived from the coefficients"
    return Table("expressivity", caption, columns, rows, notes, records)


def _setting(family: str, name: str, value: Any, read: Words) -> Cell:
    if value is None:
        return Cell(kind="muted")
    return Cell(read.value(family, name, value) if isinstance(value, str) else f"{value}")


def _measured(m: Measure | None) -> list[Cell]:
    if m is None:
        return [Cell(kind="muted")] * 3
    expected = m.expected
    same = agrees(m) and expected is not None
    if m.status == "skip":
        judged = Cell(kind="muted", spoken="not measured")
    elif m.status != "ok":
        judged = Cell("", m.reason, badge=m.status, kind="bad")
    elif expected is None:
        judged = Cell(kind="muted", spoken="not derived")
    else:
        judged = Cell(
            "✓" if same else "≠", spoken="yes" if same else "no", kind="good" if same else "bad"
        )
    return [
        Cell(number(m.value)),
        Cell(number(expected) if expected is not None else NONE),
        judged,
    ]


def _decision(measures: Mapping[str, Measure]) -> list[Cell]:
    detail = next(iter(measures.values())).detail
    gap = detail.get("gap")
    shown = Cell(f"{gap:.0e}".replace("e+", "e") if isinstance(gap, int | float) else NONE)
    return [shown, Cell(str(detail.get("verdict") or NONE))]


def _numeric(expressivity: Expressivity, name: str) -> bool:
    values = [facets.get(name) for facets in expressivity.facets.values()]
    return all(isinstance(v, int | float | None) for v in values)


def disagrees(expressivity: Expressivity, family: str, operation: str) -> bool:
    """Return whether any measured expressivity of an operation is not what was derived."""
    return any(
        not agrees(measure)
        for key, measures in expressivity.found.items()
        if key[:2] == (family, operation)
        for measure in measures.values()
    )


def sequence(expressivity: Expressivity, family: str, operation: str, read: Words) -> list[str]:
    """Return the dimensions of an operation in words: `O(3), degree L 1–3: 5, 14, 30`."""
    groups: dict[str, list[tuple[Any, Any]]] = defaultdict(list)
    for key, measures in expressivity.found.items():
        if key[:2] != (family, operation) or DIM not in measures:
            continue
        if measures[DIM].value is None:
            continue
        texts = [read.value(family, n, v) for n, v in key[2] if isinstance(v, str)]
        sizes = [(n, v) for n, v in key[2] if not isinstance(v, str)]
        label = ", ".join([*texts, *(read.facet(family, n) for n, _ in sizes)])
        label += f" ({key[3]})" if len(expressivity.protocols) > 1 else ""
        groups[label].append((tuple(v for _, v in sizes), measures[DIM].value))
    lines = []
    for label, found in groups.items():
        places = [", ".join(str(v) for v in size) for size, _ in found]
        span = places[0] if len(places) == 1 else f"{places[0]}\N{EN DASH}{places[-1]}"
        lines.append(f"{label} {span}: " + ", ".join(number(value) for _, value in found))
    return lines
