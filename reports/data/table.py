"""Tables: cells as people read them, and the same rows in full precision as CSV."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from bench.commands.rendering import neutral
from reports.data.text import NONE, slug

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
    """One column: its label, the group that it stands under, whether numbers are right-aligned.

    `about` is what the label means, in a sentence.
    """

    label: str
    group: str = ""
    numeric: bool = False
    unit: str = ""
    vertical: bool = False
    about: str = ""


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

    @property
    def row_names(self) -> list[str]:
        """Return the anchor of each row: that of the table, and the text that heads the row."""
        used: Counter[str] = Counter()
        names = []
        for row in self.rows:
            name = f"{self.name}--{slug(_heading(row))}"
            used[name] += 1
            names.append(name if used[name] == 1 else f"{name}-{used[name]}")
        return names

    @property
    def size(self) -> int:
        """Return how many cells the table has."""
        return sum(len(row) for row in self.rows)


ROWS = 150
"""Rows of one table on a page, at most: more are no longer read, but looked up."""


def within(sections: Iterable[Iterable[Table]], room: int) -> dict[str, int]:
    """Return how many rows of each table a page shows that has room for so many cells in all.

    A section has half of what is left, its first tables before the others, each up to ROWS. A table
    without a CSV file has all its rows always.
    """
    shown = {}
    for tables in sections:
        left = room // 2
        for table in tables:
            rows = len(table.rows)
            width = max(1, table.size // max(1, rows))
            if table.records:
                rows = min(rows, ROWS, left // width)
            shown[table.name] = rows
            used = width * rows
            left, room = max(0, left - used), max(0, room - used)
    return shown


def _heading(row: Sequence[Cell]) -> str:
    cell = next((cell for cell in row if cell.header), row[0])
    return cell.text if cell.text != NONE else " ".join(text for _, text in cell.links)


def _group(column: Column) -> str:
    return column.group


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
