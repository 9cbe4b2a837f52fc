"""`reports ratio`: how fast one implementation of a run is beside another, by problem."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from bench.commands.command import Command, Help, add_format
from bench.commands.rendering import render
from reports.commands.directory import add_directory
from reports.data.blocks import blocks_of
from reports.data.results import summarise
from reports.data.run import read
from reports.tables import ratio


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    add_directory(parser)
    parser.add_argument(
        "--pair", nargs=2, action="append", required=True, metavar=("A", "B"), dest="pairs",
        help="names as on the page, options included (may be repeated)",
    )  # fmt: skip
    add_format(parser)


def _run(arguments: argparse.Namespace) -> int:
    results, _ = summarise(read(arguments.directory).rows)
    print(render(ratio.rows(blocks_of(results), arguments.pairs), arguments.format))
    return 0


COMMAND = Command(
    "ratio",
    "Print how many times as fast as B an implementation A is, with the interval that decides and "
    "the verdict on A, by problem.",
    Help(
        examples=(
            "python -m reports ratio reports/out/quick --pair gaunt.torch_grid gaunt.torch_lebedev",
        ),
        gives=(
            "A line for each problem that both answer: how many times as fast as B A is, the "
            "interval that decides, and the verdict."
        ),
        then=(
            "Where it can't tell, measure more: python -m bench run with the same words and "
            "--rounds 4."
        ),
    ),
    _add,
    _run,
)
