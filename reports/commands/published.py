"""`reports published`: build checked-in pages again from their rows; machines side by side."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench.commands.command import Command, Help
from impls.registry import load
from reports.build import build
from reports.data import ledger, sets
from reports.data.advice import grid
from reports.data.expressivity import collect
from reports.tables import beside

README = "README.md"


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    parser.add_argument(
        "directory", type=Path, nargs="?", default=ledger.PUBLISHED, metavar="DIR",
        help="has a folder for each run (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--no-pages", action="store_true", help=f"only {README}: machines side by side"
    )


def _run(arguments: argparse.Namespace) -> int:
    directories = beside.published(arguments.directory)
    if not arguments.no_pages:
        for directory in directories:
            files, _ = build(directory, directory)
            print(f"{directory}: {len(files)} files")
    registry, known = load([]), sets.read().ignore
    found = ledger.sources(directories)
    spots = [grid(s.run, s.blocks, collect(s.results, known), registry) for s in found]
    file = arguments.directory / README
    file.write_text(beside.markdown(found, spots), encoding="utf-8")
    print(f"wrote {file}")
    return 0


COMMAND = Command(
    "published",
    "Build the pages of published runs again from their rows, and set the machines side by side.",
    Help(
        examples=("python -m reports published --no-pages",),
        gives=(
            "The pages of published runs, made again of their rows, and one that sets the "
            "machines side by side."
        ),
        then=("python -m reports advise answers from these runs."),
    ),
    _add,
    _run,
)
