"""`reports build`: write the page of a run directory."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench.commands.command import Command, Help
from reports.build import INDEX, build
from reports.commands.directory import add_directory


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    add_directory(parser)
    parser.add_argument(
        "--out", type=Path, default=Path("reports/out"), metavar="DIR",
        help="where to write it (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--set", type=Path, action="append", default=[], metavar="FILE.toml", dest="sets",
        help="another report set, with more figures (may be repeated)",
    )  # fmt: skip
    parser.add_argument(
        "--with", type=Path, action="append", default=[], metavar="FILE.py", dest="plugins",
        help="a plug-in file whose operations the run measured (may be repeated)",
    )  # fmt: skip


def _run(arguments: argparse.Namespace) -> int:
    files, verdict = build(arguments.directory, arguments.out, arguments.sets, arguments.plugins)
    print("\n".join(verdict))
    print(f"page: {arguments.out / INDEX} (and {len(files) - 1} files beside it)")
    return 0


COMMAND = Command(
    "build",
    "Write index.html, figures, tables and references of a run directory.",
    Help(
        examples=("python -m reports build reports/out/quick",),
        gives=(
            "A folder with index.html, which needs nothing else and no network; beside it "
            "each figure, each table as CSV and LaTeX, and methods.bib. The terminal says "
            "what to conclude."
        ),
        then=(
            "Open index.html: a sentence that is withheld names the command that would decide "
            "it. python -m bench merge puts runs of several machines on one page."
        ),
    ),
    _add,
    _run,
)
