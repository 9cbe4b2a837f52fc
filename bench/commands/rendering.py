"""Print rows of plain data as a table, JSON or CSV: the --format of every listing."""

from __future__ import annotations

import csv
import io
import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

FORMATS = ("table", "json", "csv")
FORMULA = re.compile(r"\s*[=+@]|[\t\r]|\s*-[^,\s]")
"""How text begins that a spreadsheet runs."""


def render(
    rows: Sequence[Mapping[str, Any]], style: str, widths: Mapping[str, int] | None = None
) -> str:
    """Return rows in one of FORMATS; columns in the order of their first appearance.

    `widths` says where a table wraps the text of a column, between words; JSON and CSV are whole.
    """
    if style == "json":
        return json.dumps(list(rows), indent=1)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if style == "csv":
        stream = io.StringIO()
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _plain(value) for name, value in row.items()} for row in rows)
        return stream.getvalue().rstrip("\n")
    return _table(rows, columns, widths or {})


def _table(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], widths: Mapping[str, int]
) -> str:
    cells = [[_wrapped(_cell(row.get(name)), widths.get(name)) for name in columns] for row in rows]
    across = [
        max(map(len, [name, *(line for cell in column for line in cell)]))
        for name, *column in zip(columns, *cells, strict=True)
    ]
    lines = [tuple(columns), tuple("-" * width for width in across)]
    lines += [line for row in cells for line in zip_longest(*row, fillvalue="")]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, across, strict=True)).rstrip()
        for line in lines
    )


def _wrapped(text: str, width: int | None) -> list[str]:
    if width is None:
        return [text]
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def _plain(value: Any) -> Any:
    """Return a value of a CSV file."""
    if isinstance(value, list | tuple):
        value = _joined(value)
    return neutral(value) if isinstance(value, str) else value


def neutral(text: str) -> str:
    """Return text of a CSV file, with an apostrophe before what a spreadsheet would run."""
    return f"'{text}" if FORMULA.match(text) else text


def _joined(value: Sequence[Any]) -> str:
    return ", ".join("-" if item is None else str(item) for item in value)


def printable(text: str) -> str:
    """Return text without what would move a terminal's cursor or change its colours."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return printable(_joined(value) if isinstance(value, list | tuple) else str(value))
