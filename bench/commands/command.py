"""A command of `python -m bench`, and the options that several of them share."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.commands.rendering import FORMATS
from bench.drive import locks

CALIBRATIONS = Path("reports/out/calibrations")
"""Where the calibrations of machines are kept."""


@dataclass(frozen=True)
class Help:
    """What the help of a command ends with: an example, what it gives, and what comes after it."""

    examples: tuple[str, ...]
    gives: str
    then: str

    def give(self, parser: argparse.ArgumentParser, *more: str) -> None:
        """Put it behind the options of a parser, and `more` paragraphs behind it."""
        plural = "s" * (len(self.examples) > 1)
        parts = (
            f"example{plural}:",
            *(f"  {line}" for line in self.examples),
        )
        paragraphs = _paragraph("what you get", self.gives), _paragraph("what next", self.then)
        parser.epilog = "\n\n".join(("\n".join(parts), *paragraphs, *more))
        parser.formatter_class = argparse.RawDescriptionHelpFormatter


def _paragraph(title: str, text: str) -> str:
    filled = textwrap.fill(
        text, 84, initial_indent="  ", subsequent_indent="  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return f"{title}:\n{filled}"


@dataclass(frozen=True)
class Command:
    """One command: `add` gives a parser its options, `run` does it and returns the exit code.

    `add` also sees the words of the command line, empty when they are of another command: a family
    that is named there brings options of its own.
    """

    name: str
    summary: str
    help: Help
    add: Callable[[argparse.ArgumentParser, Sequence[str]], None]
    run: Callable[[argparse.Namespace], int]


def parser_of(
    prog: str, about: str, commands: Sequence[Command], codes: str, words: Sequence[str]
) -> argparse.ArgumentParser:
    """Return the parser of a command line of several commands, of which `words` are given.

    `about` is a sentence, `codes` says what exit codes mean.
    """
    examples = "\n".join(f"  {line}" for command in commands for line in command.help.examples)
    parser = argparse.ArgumentParser(
        prog=prog,
        description=about,
        epilog=f"examples:\n{examples}\n\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    named = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in commands:
        sub = named.add_parser(command.name, help=command.summary, description=command.summary)
        command.help.give(sub, codes)
        sub.set_defaults(run=command.run, usage=sub.format_help)
        command.add(sub, words if list(words[:1]) == [command.name] else ())
    return parser


def add_format(parser: argparse.ArgumentParser) -> None:
    """Add --format: a table, CSV or JSON."""
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")


def add_files(parser: argparse.ArgumentParser) -> None:
    """Add --with: files of declarations."""
    parser.add_argument(
        "--with", dest="files", action="append", default=[], metavar="FILE.py",
        help="also read declarations from this file (may be repeated)",
    )  # fmt: skip


def add_select(parser: argparse.ArgumentParser) -> None:
    """Add --select: which of the cases."""
    parser.add_argument(
        "--select", default="", metavar="WHICH",
        help="only some cases: lmax=3,setting=mimo, or a glob of ids (a word: contains)",
    )  # fmt: skip


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Add --threads."""
    parser.add_argument("--threads", type=int, default=1, help="CPU threads per worker (default 1)")


def threads_of(arguments: argparse.Namespace) -> int:
    """Return how many threads a worker has.

    Raises:
        ValueError: when they are none, or more than the cores that this process may use.
    """
    threads, cores = int(arguments.threads), locks.available()
    if threads < 1:
        raise ValueError(f"--threads must be at least 1, not {threads}")
    if threads > cores:
        raise ValueError(
            f"--threads {threads}: only {cores} core(s) can be used here; ask for less"
        )
    return threads


def add_where(parser: argparse.ArgumentParser) -> None:
    """Add --device and --plain: where it runs, and how its progress is shown."""
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), help="default: cuda if there is one, else cpu"
    )
    parser.add_argument(
        "--gpu", metavar="N|UUID", help="which one: its number in nvidia-smi, or its UUID"
    )
    parser.add_argument("--plain", action="store_true", help="lines instead of a progress bar")
