"""Command line of the reports: build the page of a run, compare two implementations in it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.commands.exit_codes import ended
from bench.commands.rendering import FORMATS, render
from reports.build import INDEX, build
from reports.data.blocks import blocks_of
from reports.data.results import summarise
from reports.data.run import read
from reports.tables import ratio

EPILOG = """\
exit codes:
  0  done
  1  the harness failed (a traceback says where)
  2  bad arguments, or a run directory that cannot be read

examples:
  python -m bench run --profile quick --out reports/out/quick
  python -m reports build reports/out/quick
  python -m reports ratio reports/out/quick --pair gaunt.torch_grid gaunt.torch_lebedev
"""


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    main_parser = argparse.ArgumentParser(
        prog="python -m reports",
        description="Turn a run into a page that can be read, checked and cited.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = main_parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, short: str, description: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name, help=short, description=description, epilog=EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        made.add_argument("directory", type=Path, metavar="DIR", help="made by `bench run`")
        return made

    build_parser = command(
        "build",
        "write the report of a run directory",
        "Write index.html, figures, tables and references of a run directory.",
    )
    build_parser.add_argument(
        "--out", type=Path, default=Path("reports/out"), metavar="DIR",
        help="where to write it (default: %(default)s)",
    )  # fmt: skip
    build_parser.add_argument(
        "--set", type=Path, action="append", default=[], metavar="FILE.toml", dest="sets",
        help="another report set, with more figures (may be repeated)",
    )  # fmt: skip
    build_parser.add_argument(
        "--with", type=Path, action="append", default=[], metavar="FILE.py", dest="plugins",
        help="a plug-in file whose operations the run measured (may be repeated)",
    )  # fmt: skip
    ratio_parser = command(
        "ratio",
        "how fast one implementation is beside another, by problem",
        "Print how many times as fast as B an implementation A is, with the interval that decides "
        "and the verdict on A, by problem.",
    )
    ratio_parser.add_argument(
        "--pair", nargs=2, action="append", required=True, metavar=("A", "B"), dest="pairs",
        help="names as on the page, options included (may be repeated)",
    )  # fmt: skip
    ratio_parser.add_argument("--format", choices=FORMATS, default="table")
    return main_parser


def _build(arguments: argparse.Namespace) -> None:
    files, verdict = build(arguments.directory, arguments.out, arguments.sets, arguments.plugins)
    print("\n".join(verdict))
    print(f"page: {arguments.out / INDEX} (and {len(files) - 1} files beside it)")


def _ratio(arguments: argparse.Namespace) -> None:
    results, _ = summarise(read(arguments.directory).rows)
    print(render(ratio.rows(blocks_of(results), arguments.pairs), arguments.format))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    arguments = parser().parse_args(argv)
    run = {"build": _build, "ratio": _ratio}[arguments.command]
    return ended(lambda: run(arguments), (ValueError, OSError))


if __name__ == "__main__":
    sys.exit(main())
