"""`bench doctor`: what this machine can measure, and why not."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from bench.commands.command import Command, add_format
from bench.commands.rendering import render
from bench.record import machine


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    add_format(parser)


def _run(arguments: argparse.Namespace) -> int:
    print(render(machine.doctor(), arguments.format))
    return 0


COMMAND = Command("doctor", "Say what this machine can measure, and why not.", _add, _run)
