"""Tables of one operation: its implementations on one problem, and what its knobs do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reports.data.blocks import Block, beside_fastest
from reports.data.clocks import said
from reports.data.knobs import asymmetry_of, error_of, sweeps
from reports.data.results import LEVEL, Result
from reports.data.table import Cell, Column, Table
from reports.data.text import NONE, count, percent, quantity, raised, scale_of, scientific, slug
from reports.data.words import STATUSES, Words
from reports.tables.catalogue import About
from reports.tables.headline import interval

MEMORY = ("mem.fresh.", "mem.peak.")
LIMITS = 5
"""Reasons that are told of why an operation has no time."""


def implementations(name: str, block: Block, names: Words, about: About | None) -> Table:
    """Return the implementations of an operation in a block, beside the fastest of them."""
    mine = [r for r in block.ranked if r.columns.get("operation") == name]
    done = [r for r in mine if r.published]
    against = {each.a.label: each.verdict for each in beside_fastest([done])}
    orders = (about.implementations if about else None) or {}
    rows, records = [], []
    for r in mine:
        short = str(r.columns.get("implementation")).removeprefix(f"{name}.")
        order = orders.get(short, ("", ""))[1]
        head = [Cell(names.implementation(r), header=True), Cell(raised(order) or NONE)]
        if not r.published:
            words = STATUSES.get(r.status, r.status)
            rows.append([*head, Cell(words, r.withheld, kind="bad", span=5)])
        else:
            m, (factor, _) = r.measures[r.clock.probe], scale_of([r.time or 1.0], "s")
            beside = "the fastest" if r is done[0] else str(against.get(r.label) or NONE)
            rows.append(
                [
                    *head,
                    Cell(quantity(r.time or 0.0, "s"), interval(m, factor).small),
                    Cell(beside, kind="muted" if r is done[0] else ""),
                    _quantity(_memory(r), "B"),
                    _quantity(r.value("time.first"), "s"),
                    Cell(scientific(error_of(r))),
                ]
            )
        records.append(
            {"implementation": r.label, "status": r.status, f"{r.clock.probe} [s]": r.time,
             "against_the_fastest": str(against.get(r.label) or ""), "memory [B]": _memory(r),
             "time.first [s]": r.value("time.first"), "error": error_of(r), "order": order}
        )  # fmt: skip
    columns = [
        Column("Implementation"),
        Column("Grows as"),
        Column(f"Time [{percent(LEVEL)}]", numeric=True),
        Column("Against the fastest"),
        Column("Memory", numeric=True),
        Column("First call", numeric=True),
        Column("Error", numeric=True),
    ]
    first = block.results[0]
    pass_ = names.pass_(first.columns.get("pass"))
    caption = f"{names.operation(name)}: implementations, {pass_}: {names.problem(first)}"
    caption += said([block.clock])
    return Table(f"implementations-{slug(name)}", caption, columns, rows, (), records)


def _quantity(value: float | None, unit: str) -> Cell:
    return Cell(kind="muted") if value is None else Cell(quantity(value, unit))


def _memory(r: Result) -> float | None:
    """Return the peak memory of a call, that of a fresh process where it was measured."""
    for start in MEMORY:
        for probe in r.measures:
            if probe.startswith(start) and (value := r.value(probe)) is not None:
                return value
    return None


def knobs(name: str, results: Sequence[Result], names: Words) -> Table | None:
    """Return error and time against the values of a knob, where several were measured."""
    found = sweeps(name, results)
    if not found:
        return None
    rows, records = [], []
    for sweep in found:
        for value, r in zip(sweep.values, sweep.results, strict=True):
            rows.append(
                [
                    Cell(names.problem(r), header=True),
                    Cell(names.implementation(r, knobs=False)),
                    Cell(names.pass_(r.columns.get("pass"))),
                    Cell(f"{sweep.knob.replace('_', ' ')} = {value}"),
                    _quantity(r.time, "s"),
                    Cell(scientific(error_of(r))),
                    Cell(scientific(asymmetry_of(r))),
                ]
            )
            records.append(
                {"case": r.columns.get("case"), f"knob.{sweep.knob}": value,
                 f"{r.clock.probe} [s]": r.time, "error": error_of(r),
                 "symmetry": asymmetry_of(r)}
            )  # fmt: skip
    columns = [
        Column("Problem"),
        Column("Implementation"),
        Column("Pass"),
        Column("Knob"),
        Column("Time", numeric=True),
        Column("Error at this value", numeric=True),
        Column("Symmetry, worst error", numeric=True),
    ]
    caption = f"{names.operation(name)}: cost and error against the knob"
    return Table(f"knobs-{slug(name)}", caption, columns, rows, (), records)


def limits(name: str, results: Sequence[Result], names: Words) -> list[str]:
    """Return what an operation refuses, and why its results that have no time have none."""
    known = names.registry.operations.get(name)
    told = [f"{names.pass_(p)}: {why}" for p, why in (known.refused if known else {}).items()]
    failed = Counter((r.status, r.withheld) for r in results if not r.published)
    for (status, why), number in failed.most_common(LIMITS):
        told.append(f"{count(number, 'case')} {STATUSES.get(status, status)}: {why}")
    return told
