"""`bench merge`: several run directories become one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench.commands.command import Command, Help
from bench.record.merging import merge


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    parser.add_argument("dirs", type=Path, nargs="+", metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")


def _run(arguments: argparse.Namespace) -> int:
    done = merge(arguments.dirs, arguments.out)
    for directory, count in zip(arguments.dirs, done.counts, strict=True):
        print(f"{count} rows of {directory}")
    again = sum(done.counts) - done.written
    print(f"{done.written} rows in {arguments.out / 'rows.jsonl'} ({again} were there twice)")
    for line in done.left_out:
        print(f"left out: {line}")
    print(f"next: python -m reports build {arguments.out}")
    return 0


COMMAND = Command(
    "merge",
    "Write the union of run directories to a new directory.",
    Help(
        examples=("python -m bench merge run-a run-b --out run-ab",),
        gives=(
            "A new directory with every row once, the facts that rows refer to and the "
            "calibrations; how many rows came from where, and what was left out."
        ),
        then="python -m reports build run-ab makes the page of all.",
    ),
    _add,
    _run,
)
