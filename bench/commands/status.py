"""`bench status`: how far a run is, and what failed in it; several protocols are told apart."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench.commands.command import Command, Help, add_format
from bench.commands.rendering import render
from bench.record.rows import ends, latest


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    parser.add_argument("dir", type=Path)
    add_format(parser)


def _run(arguments: argparse.Namespace) -> int:
    rows = latest(ends(arguments.dir))
    several = len({row["protocol"] for row in rows}) > 1
    told = ("protocol", "status") if several else ("status",)
    counts = Counter(tuple(row[name] for name in told) for row in rows)
    if arguments.format == "table":
        lines = [
            {**dict(zip(told, values, strict=True)), "cases": n}
            for values, n in sorted(counts.items())
        ]
        print(render(lines, "table"))
    shown = [
        {name: row[name] for name in (*told, "case", "round", "reason")}
        for row in rows
        if arguments.format != "table" or row["status"] != "ok"
    ]
    if shown or arguments.format != "table":
        print(("\n" if arguments.format == "table" else "") + render(shown, arguments.format))
    return 0


COMMAND = Command(
    "status",
    "Count the cases of a run directory by status; list what failed.",
    Help(
        examples=("python -m bench status reports/out/default",),
        gives=(
            "How many cases ended in each status, then a line with the reason for each that is "
            "not ok; CSV and JSON have all cases."
        ),
        then=(
            "python -m bench explain STATUS, or CASE --run DIR, says what that means; the command "
            "that made the run continues it, and with --redo failed measures these again."
        ),
    ),
    _add,
    _run,
)
