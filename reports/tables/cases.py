"""All cases, one a row: what the explorer shows, and the files with everything beside the page."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from bench.ask.reading import names
from reports.data.records import TEXT, Field, columnar
from reports.data.results import LEVEL, Result
from reports.data.run import Run
from reports.data.table import Cell, Column, Record, Table
from reports.data.text import NONE, inside, percent, quantity, scientific
from reports.data.words import STATUSES, Words

NAME = "all-cases"
EMBEDDED, ROOM = 10_000, 1_500_000
"""Cases, and bytes of them, that the page has inside it at most; all are in the files beside it."""
STATIC = 100
"""Cases of the table that needs no script."""
FOLDER = "DIR"
"""Stands for the directory of the run where a name does not say what was asked."""


def table(
    found: Sequence[Field], results: Sequence[Result], keep: Sequence[int], read: Words
) -> Table:
    """Return the table that stands where there is no script; its CSV file has all cases."""
    values = {field.name: field.values for field in found}
    columns = [
        Column("Implementation"),
        Column("Problem"),
        Column("Pass"),
        Column(f"time [{percent(LEVEL)}]", numeric=True),
        Column("error", numeric=True),
        Column("result"),
    ]

    def cell(i: int) -> list[Cell]:
        r = results[i]
        error = values["error"][i] if "error" in values else None
        ended = str(values["result"][i])
        return [
            Cell(read.both(r), header=True),
            Cell(read.problem(r)),
            Cell(read.pass_(r.columns.get("pass"))),
            _time(r),
            Cell(NONE if error is None else scientific(error)),
            Cell(STATUSES.get(ended, ended), kind="" if r.published else "muted"),
        ]

    caption = f"Cases, the first {min(STATIC, len(keep))} of {len(results)}"
    rows = [cell(i) for i in keep[:STATIC]]
    return Table(NAME, caption, columns, rows, records=_records(found, results))


def _time(r: Result) -> Cell:
    time = r.time
    if time is None:
        return Cell(kind="muted")
    m = r.measures[r.clock.probe]
    bounds = [quantity(v, "s") for v in (m.lo, m.hi) if v is not None]
    return Cell(quantity(time, "s"), f"[{', '.join(bounds)}]" if bounds else "")


def _records(found: Sequence[Field], results: Sequence[Result]) -> list[Record]:
    heads = [f"{field.name} [{field.unit}]" if field.unit else field.name for field in found]
    lines = zip(*(field.values for field in found), strict=True)
    return [
        {"case": r.columns.get("case"), "key": r.columns.get("key")}
        | dict(zip(heads, line, strict=True))
        for r, line in zip(results, lines, strict=True)
    ]


def to_parquet(records: Sequence[Record]) -> bytes:
    """Return records as a Parquet file: a column of numbers, or else of text."""
    columns = {name: [record[name] for record in records] for name in records[0]}
    stream = io.BytesIO()
    parquet.write_table(pa.table({n: _array(v) for n, v in columns.items()}), stream)
    return stream.getvalue()


def _array(values: Sequence[Any]) -> pa.Array:
    known = [value for value in values if value is not None]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        whole = all(isinstance(value, int) for value in known)
        return pa.array(values, pa.int64() if whole and known else pa.float64())
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def embedded(found: Sequence[Field], results: Sequence[Result], run: Run) -> tuple[list[int], str]:
    """Return which cases the page has inside it, and these as JSON for its script.

    Cases with a time come before the others where there is no room for all.
    """
    order = sorted(range(len(results)), key=lambda i: not results[i].published)
    keep = sorted(order[:EMBEDDED])
    text = _json(found, results, keep, run)
    if len(text) > ROOM:
        keep = sorted(order[: len(keep) * ROOM // len(text)])
        text = _json(found, results, keep, run)
    return keep, text


def _json(found: Sequence[Field], results: Sequence[Result], keep: Sequence[int], run: Run) -> str:
    """Return what the script of the page works on, as text that can stand in a script element.

    The id of a case is split where its problem ends: both parts repeat, and are written once.
    """
    ids = [str(r.columns.get("case")).partition("::") for r in results]
    more = [
        _words("problem", ["".join(each[:2]) for each in ids]),
        _words("rest", [each[2] for each in ids]),
        _words("implementation", [str(r.columns.get("implementation")) for r in results]),
    ]
    profile = run.plan.get("profile")
    data = {
        "count": len(keep),
        "level": percent(LEVEL),
        "total": len(results),
        "fields": columnar(found, keep),
        "ids": columnar(more, keep),
        "keys": [str(results[i].columns.get("key")) for i in keep],
        "profile": profile if profile in names() else FOLDER,
    }
    return inside(data)


def _words(name: str, values: Sequence[str]) -> Field:
    return Field(name, name, TEXT, tuple(values))
