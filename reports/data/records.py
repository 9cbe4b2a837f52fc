"""Records: each case as one line of a few fields, as columns that a script or a file can hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

from reports.data.blocks import title_of
from reports.data.expressivity import PROBES, Expressivity
from reports.data.results import GATES, Result
from reports.data.run import Facts
from reports.data.sets import ReportSet
from reports.data.words import FRAMEWORKS, MODES, PASSES, STATUSES, Words

TEXT, FACET, SIZE, NUMBER = "text", "facet", "size", "number"
RESERVED = ("x", "y", "per", "colour", "panels", "sort", "case", "logx", "logy")
"""Words of an address that are not fields."""
DIGITS = 4
"""Significant digits of a number on the page."""
WHO = ("operation", "implementation")
WHERE = (
    "pass", "mode", "framework", "dtype", "device", "precision", "threads", "machine",
    "environment", "protocol", "draws", "seed", "family",
)  # fmt: skip


LABELS = {
    "dtype": "data type",
    "draws": "draw of the arrays",
    "family": "kind of question",
    "problem": "question",
}
"""What fields are called whose names are not words that people use."""


@dataclass(frozen=True)
class Field:
    """One field: a name that stands in addresses and files, what people read, its unit.

    A `text` is what records are told apart by, and a `facet` one of the words of their problem; a
    `size` is a facet that is a number, and a `number` was measured. `said` is what people read
    for a word, where that is not the word itself.
    """

    name: str
    label: str
    kind: str
    values: tuple[Any, ...]
    unit: str = ""
    said: Mapping[Any, str] = field(default_factory=dict)


def fields(
    results: Sequence[Result],
    expressivity: Expressivity,
    known: ReportSet,
    machines: Facts,
    read: Words,
) -> list[Field]:
    """Return the fields of all results, each with a value a result; a field has some value."""
    words = _texts(results, machines, read)
    found = [*words[: len(WHO)], *_facets(results, read), *words[len(WHO) :]]
    found += _numbers(results, expressivity, known)
    named: list[Field] = []
    used = set(RESERVED)
    for each in found:
        name = each.name if each.name not in used else f"facet.{each.name}"
        if name not in used and any(value is not None for value in each.values):
            used.add(name)
            named.append(replace(each, name=name))
    return named


def outcome(r: Result) -> str:
    """Return what became of a case: timed, noisy, withheld, or the status of its failure."""
    if r.published:
        return "timed" if r.status == "ok" else r.status
    return "withheld" if r.status == "ok" else r.status


def machine_name(fingerprint: str, facts: Facts, device: str) -> str:
    """Return the processor or GPU of a machine, with its fingerprint where others have the same."""

    def name(known: Mapping[str, Any]) -> str:
        gpus = known.get("gpus") or []
        return str(gpus[0] if device == "cuda" and gpus else known.get("cpu") or "")

    mine = name(facts.get(fingerprint, {}))
    alone = sum(name(known) == mine for known in facts.values()) < 2
    return mine if mine and alone else f"{mine} {fingerprint}".strip()


def _texts(results: Sequence[Result], machines: Facts, read: Words) -> list[Field]:
    def column(name: str) -> Callable[[Result], str | None]:
        return lambda r: None if r.columns.get(name) is None else str(r.columns[name])

    def machine(r: Result) -> str:
        return machine_name(str(r.columns.get("machine")), machines, str(r.columns.get("device")))

    tell: dict[str, Callable[[Result], str | None]] = {
        name: column(name) for name in (*WHO, *WHERE)
    }
    tell |= {"implementation": lambda r: r.label, "machine": machine, "result": outcome}
    tell |= {"problem": title_of, "reason": lambda r: r.withheld or None}
    said: dict[str, Mapping[Any, str]] = {
        "operation": {name: read.operation(name) for name in map(column("operation"), results)},
        "implementation": {r.label: read.both(r) for r in results},
        "problem": {title_of(r): read.problem(r) for r in results},
        "family": {name: read.kind(name) for name in map(column("family"), results)},
        "pass": PASSES, "mode": MODES, "framework": FRAMEWORKS, "result": STATUSES,
    }  # fmt: skip
    return [
        Field(n, LABELS.get(n, n), TEXT, tuple(map(told, results)), said=said.get(n, {}))
        for n, told in tell.items()
    ]


def _facets(results: Sequence[Result], read: Words) -> list[Field]:
    found = []
    for name in dict.fromkeys(name for r in results for name in r.facets):
        having = [r for r in results if name in r.facets]
        family = having[0].columns.get("family")
        values = [r.facets.get(name) for r in results]
        if all(v is None or _is_number(v) for v in values):
            found.append(Field(name, read.facet(family, name), SIZE, tuple(values)))
            continue
        said = {
            str(v): read.value(r.columns.get("family"), name, v)
            for r in having
            for v in [r.facets[name]]
            if isinstance(v, str)
        }
        shown = tuple(None if v is None else str(v) for v in values)
        found.append(Field(name, read.facet(family, name), FACET, shown, said=said))
    return found


def _numbers(
    results: Sequence[Result], expressivity: Expressivity, known: ReportSet
) -> list[Field]:
    probes = sorted({probe for r in results for probe in r.measures})
    clocks = {r.clock for r in results}
    said = {clock.probe for clock in clocks} if len(clocks) == 1 else set[str]()
    shown = [
        probe
        for probe in probes
        if not probe.startswith((*GATES, "expressivity.", "nero."))
        and probe not in said
        and not known.hidden(probe)
    ]
    units = {probe: m.unit for r in results for probe, m in r.measures.items()}
    judging = [r.measures.get(r.clock.probe) if r.published else None for r in results]
    bounds = [
        Field(f"time.{side}", f"time, {word} bound", NUMBER, tuple(values), "s")
        for side, word, values in (
            ("lo", "lower", [m.lo if m else None for m in judging]),
            ("hi", "upper", [m.hi if m else None for m in judging]),
        )
    ]
    return [
        Field("time", "time", NUMBER, tuple(r.time for r in results), "s"),
        *bounds,
        Field("rounds", "rounds", NUMBER, tuple(len(r.rounds) or None for r in results)),
        *(_expressed(probe, results, expressivity) for probe in PROBES),
        Field("error", "error, relative", NUMBER, tuple(_worst(r, "error.") for r in results)),
        Field(
            "asymmetry",
            "symmetry error, of what is claimed",
            NUMBER,
            tuple(_worst(r, "equiv.") for r in results),
        ),
        *(
            Field(p, known.title(p), NUMBER, tuple(r.value(p) for r in results), _unit(units[p]))
            for p in shown
        ),
    ]


def _expressed(probe: str, results: Sequence[Result], expressivity: Expressivity) -> Field:
    found = [expressivity.of(r, probe) for r in results]
    label = probe.removeprefix("expressivity.")
    return Field(label, label, NUMBER, tuple(m.value if m else None for m in found))


def _worst(r: Result, start: str) -> float | None:
    values = [
        m.value
        for probe, m in r.measures.items()
        if probe.startswith(start) and m.claimed and m.value is not None
    ]
    return max(values, default=None)


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def columnar(found: Sequence[Field], keep: Sequence[int]) -> list[dict[str, Any]]:
    """Return fields as plain data of the records `keep`: texts as places in a list of words.

    A text that all have has no places. Beside words stands what people read, where that differs.
    """
    return [_column(each, [each.values[i] for i in keep]) for each in found]


def _column(each: Field, values: Sequence[Any]) -> dict[str, Any]:
    data: dict[str, Any] = {
        "name": each.name, "label": each.label, "kind": each.kind, "unit": each.unit
    }  # fmt: skip
    if each.kind not in (TEXT, FACET):
        return data | {"values": [_short(value) for value in values]}
    words = list(dict.fromkeys(value for value in values if value is not None))
    at = {word: i for i, word in enumerate(words)}
    places = [-1 if value is None else at[value] for value in values]
    said = [each.said.get(word, word) for word in words]
    data |= {"said": said} if said != words else {}
    return data | {"words": words, "at": places if set(places) != {0} else None}


def _short(value: Any) -> float | int | None:
    if value is None or isinstance(value, int):
        return value
    if not isfinite(value):
        return None
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short.is_integer() and abs(short) < 1e6 else short
