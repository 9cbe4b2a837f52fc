"""Tables: cells as people read them, and the same rows in full precision as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from bench.commands.rendering import neutral
from reports.data.text import NONE

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """One cell: its text, a muted part after it, and what only a screen reader needs.

    `kind` is a style: "" or "muted", "good", "bad", or "family", a heading across the table.
    `badge` is a short label in a frame. `links` are (address, text), shown instead of the text;
    an empty address is no link. `below` puts the muted part, and each link, on its own line.
    """

    text: str = NONE
    small: str = ""
    marks: str = ""
    spoken: str = ""
    badge: str = ""
    kind: str = ""
    href: str = ""
    span: int = 1
    header: bool = False
    links: Sequence[tuple[str, str]] = ()
    below: bool = False


@dataclass(frozen=True)
class Column:
    """One column: its label, the group that it stands under, whether numbers are right-aligned."""

    label: str
    group: str = ""
    numeric: bool = False
    unit: str = ""
    vertical: bool = False


@dataclass(frozen=True)
class Table:
    """One table. `records` are the rows of its CSV file; none are written when it is empty."""

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()
    records: Sequence[Record] = field(default_factory=tuple)

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Return the upper header row: (label, how many columns), empty without groups."""
        found = [(name, len(list(part))) for name, part in groupby(self.columns, _group)]
        return found if any(name for name, _ in found) else []


def _group(column: Column) -> str:
    return column.group


def text_table(
    name: str, caption: str, columns: Sequence[Column], records: Iterable[Record]
) -> Table:
    """Return a plain table: one record a row, its values in the order of the columns."""
    kept = [dict(record) for record in records]
    rows = [
        [
            Cell(NONE if v is None or v == "" else str(v), header=i == 0)
            for i, v in enumerate(record.values())
        ]
        for record in kept
    ]
    return Table(name, caption, columns, rows, records=kept)


def to_csv(records: Sequence[Record]) -> str:
    """Return CSV. Text that a spreadsheet would take for a formula gets a leading apostrophe."""
    fields = list(dict.fromkeys(key for record in records for key in record))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([_safe(key) for key in fields])
    for record in records:
        writer.writerow([_safe(record.get(key)) for key in fields])
    return stream.getvalue()


def _safe(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return value
    return neutral(str(value))
