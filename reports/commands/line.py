"""The commands of `python -m reports`, each with its help."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bench.commands import question
from bench.commands.exit_codes import ended
from reports.commands import advise, build, cite, claims, published, ratio

COMMANDS = tuple(module.COMMAND for module in (build, advise, ratio, cite, claims, published))
CODES = """exit codes: 0 done, 1 the harness failed (a traceback says where), 2 bad arguments, or a
run directory that cannot be read, 130 interrupted"""


def parser_of(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of a command line."""
    examples = "\n".join(f"  {line}" for command in COMMANDS for line in command.help.examples)
    parser = argparse.ArgumentParser(
        prog="python -m reports",
        description="Turn a run into a page that can be read, checked and cited.",
        epilog=f"examples:\n{examples}\n\n{CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        sub = commands.add_parser(command.name, help=command.summary, description=command.summary)
        command.help.give(sub, CODES)
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
