"""What every command line has: help that shows, says and leads on, and a clean interrupt."""

from __future__ import annotations

import argparse
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.commands import line
from bench.commands.exit_codes import INTERRUPTED, importing
from impls.registry import load
from reports.commands import line as reports_line

ROOT = Path(__file__).parents[1]


def parser_of(module, words=()):
    """Return the parser of `python -m MODULE`; `bench` adds to it what the words name."""
    return (line if module == "bench" else reports_line).parser_of(words)


def below(parser):
    """Return the parsers of the commands of a parser, by name."""
    return {
        name: sub
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for name, sub in action.choices.items()
    }


def commands():
    """Return the parser of every command and of every command of one, by its words."""
    found = {}
    for module in ("bench", "reports"):
        for name in below(parser_of(module)):
            found[module, name] = below(parser_of(module, [name]))[name]
            for more, sub in below(found[module, name]).items():
                found[module, name, more] = sub
    return found


COMMANDS = commands()


def test_every_command_is_looked_at():
    some = {("bench", "explain"), ("bench", "history"), ("bench", "analyse", "nero")}
    assert some | {("reports", "ratio")} <= set(COMMANDS)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_has_an_example_that_parses_what_it_gives_and_what_comes_next(words):
    told = COMMANDS[words].format_help()
    parts = re.split(r"\n(examples?|what you get|what next):\n", told)
    assert parts[1::2] == [parts[1], "what you get", "what next"], told
    examples, gives, then = (part.partition("\n\n")[0] for part in parts[2::2])
    assert len(gives.split()) > 3 and len(then.split()) > 3
    for example in examples.strip().splitlines():
        assert example.strip().startswith(f"python -m {' '.join(words)}"), example
        meant = shlex.split(example)[3:]
        parser_of(words[0], meant).parse_args(meant)  # exits where it does not understand
        if "--operation" in meant:
            assert meant[meant.index("--operation") + 1] in load().operations


@pytest.mark.parametrize("module", ["bench", "reports"])
def test_the_first_help_has_every_example(module):
    told = parser_of(module).format_help()
    for words in COMMANDS:
        if words[0] == module and len(words) == 2:
            assert f"python -m {module} {words[1]}" in told


STARTED = """
import os, runpy, signal, sys
from importlib.abc import MetaPathFinder

class Finder(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job may ignore it
sys.meta_path.insert(0, Finder())
sys.argv = [{module!r}, "--help"]
runpy.run_module({module!r}, run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    ("module", "name"),
    [("bench", "numpy"), ("reports", "bench.record.rows"), ("analysis", "impls.registry")],
)
def test_an_interrupt_while_modules_are_imported_is_one_line(module, name):
    code = STARTED.format(module=module, name=name)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == INTERRUPTED == 130
    assert (done.stdout, done.stderr) == ("", "\ninterrupted before anything began\n")


def test_who_has_a_handler_of_interrupts_keeps_it():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does of what ends with &
    try:
        with importing():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
