"""Command line of the reports: the page of a run, and what it answers."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bench.commands import question
from bench.commands.exit_codes import ended
from reports.commands import advise, build, cite, claims, published, ratio

COMMANDS = tuple(module.COMMAND for module in (build, advise, ratio, cite, claims, published))
EPILOG = """\
exit codes:
  0  done
  1  the harness failed (a traceback says where)
  2  bad arguments, or a run directory that cannot be read

examples:
  python -m bench run --profile quick --out reports/out/quick
  python -m reports build reports/out/quick
  python -m reports ratio reports/out/quick --pair gaunt.torch_grid gaunt.torch_lebedev
  python -m reports claims gaunt
"""


def parser_of(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of a command line."""
    parser = argparse.ArgumentParser(
        prog="python -m reports",
        description="Turn a run into a page that can be read, checked and cited.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        sub = commands.add_parser(
            command.name, help=command.summary, description=command.summary, epilog=EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        sub.set_defaults(run=command.run, usage=sub.format_help)
        command.add(sub, words if list(words[:1]) == [command.name] else ())
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)

    def execute() -> int:
        arguments, rest = parser_of(words).parse_known_args(words)
        question.refuse(rest, arguments)
        return int(arguments.run(arguments))

    return ended(execute, (ValueError, OSError))


if __name__ == "__main__":
    sys.exit(main())
