"""Command line of the reports: `python -m reports build DIR [--out DIR]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from reports.build import INDEX, build

EPILOG = """\
exit codes:
  0  done
  1  the harness failed (a traceback says where)
  2  bad arguments, or a run directory that cannot be read

example:
  python -m bench run --profile quick --out reports/out/quick
  python -m reports build reports/out/quick
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
    build_parser = commands.add_parser(
        "build",
        help="write the report of a run directory",
        description="Write index.html, figures, tables and references of a run directory.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    build_parser.add_argument("directory", type=Path, metavar="DIR", help="made by `bench run`")
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
    return main_parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    arguments = parser().parse_args(argv)
    try:
        files, verdict = build(
            arguments.directory, arguments.out, arguments.sets, arguments.plugins
        )
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(verdict))
    print(f"page: {arguments.out / INDEX} (and {len(files) - 1} files beside it)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
