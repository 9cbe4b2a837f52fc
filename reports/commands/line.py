"""The commands of `python -m reports`, each with its help."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bench.commands import command, question
from bench.commands.exit_codes import ended
from reports.commands import advise, build, cite, claims, published, ratio

COMMANDS = tuple(module.COMMAND for module in (build, advise, ratio, cite, claims, published))
CODES = """exit codes: 0 done, 1 the harness failed (a traceback says where), 2 bad arguments, or a
run directory that cannot be read, 130 interrupted"""


def parser_of(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of a command line."""
    about = "Turn a run into a page that can be read, checked and cited."
    return command.parser_of("python -m reports", about, COMMANDS, CODES, words)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)

    def execute() -> int:
        arguments, rest = parser_of(words).parse_known_args(words)
        question.refuse(rest, arguments)
        return int(arguments.run(arguments))

    return ended(execute, (ValueError, OSError))
