"""`bench merge`: several run directories become one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench.commands.command import Command
from bench.record.rows import merge


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    parser.add_argument("dirs", type=Path, nargs="+", metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")


def _run(arguments: argparse.Namespace) -> int:
    count = merge(arguments.dirs, arguments.out)
    print(f"{count} rows in {arguments.out / 'rows.jsonl'}")
    return 0


COMMAND = Command("merge", "Write the union of run directories to a new directory.", _add, _run)
