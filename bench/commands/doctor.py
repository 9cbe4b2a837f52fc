"""`bench doctor`: what this machine can measure, and why not."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from bench.commands.command import Command, Help, add_format
from bench.commands.rendering import render
from bench.record import machine


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    add_format(parser)


def _run(arguments: argparse.Namespace) -> int:
    print(render(machine.doctor(), arguments.format))
    return 0


COMMAND = Command(
    "doctor",
    "Say what this machine can measure, and why not.",
    Help(
        examples=("python -m bench doctor",),
        gives=(
            "A row for each thing that is needed: whether it is there, and what to do where it is "
            "not."
        ),
        then="python -m bench run --short measures a little of everything, in a few minutes.",
    ),
    _add,
    _run,
)
