"""The commands of `python -m bench`, each with its help.

Exit codes: 0 done; 1 the harness or a check failed; 2 bad arguments; 3 `compare` found something
slower; 130 interrupted. A case that is slow, wrong or fails is a result, no failure.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bench.commands import (
    analyse,
    calibrate,
    check,
    command,
    compare,
    data,
    doctor,
    explain,
    history,
    listings,
    merge,
    new,
    problem,
    question,
    run,
    status,
)
from bench.commands.exit_codes import ended

COMMANDS = tuple(
    module.COMMAND
    for module in (
        listings,
        problem,
        new,
        check,
        doctor,
        data,
        run,
        analyse,
        compare,
        calibrate,
        status,
        explain,
        merge,
        history,
    )
)
CODES = """exit codes: 0 done, 1 the harness or a check failed, 2 bad arguments,
3 compare: something is slower, 130 interrupted"""


def parser_of(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of a command line; a family that it names brings options of its own."""
    about = "Measure equivariant tensor products and layers."
    return command.parser_of("python -m bench", about, COMMANDS, CODES, words)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)

    def execute() -> int:
        arguments, rest = parser_of(words).parse_known_args(words)
        question.refuse(rest, arguments)
        return int(arguments.run(arguments))

    return ended(execute)
