"""What the commands share that measure in pairs: rounds, samples, threads, and who is told."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.commands import progress
from bench.commands.command import add_threads, threads_of
from bench.drive.locks import SHARED, place
from bench.drive.paired import ROUNDS, SAMPLES, Design
from bench.record import gpu
from impls.implementation import Target


def add_design(parser: argparse.ArgumentParser) -> None:
    """Add --rounds, --samples and --threads."""
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"fresh processes per side: {ROUNDS}"
    )
    parser.add_argument("--samples", type=int, default=SAMPLES, help=f"a round: {SAMPLES}")
    add_threads(parser)


def target_of(arguments: argparse.Namespace) -> Target:
    """Return where pairs are measured.

    Raises:
        ValueError: when a number is not positive, or there are fewer cores than threads.
    """
    for name in ("rounds", "samples"):
        if getattr(arguments, name) < 1:
            raise ValueError(f"--{name} must be at least 1, not {getattr(arguments, name)}")
    threads = threads_of(arguments)
    return Target(gpu.device_of(arguments.device, arguments.gpu), threads=threads)


@contextmanager
def designed(
    arguments: argparse.Namespace, cases: int, logs: Path, target: Target
) -> Iterator[tuple[Design, Callable[[str, int], None]]]:
    """Give the design of pairs, and what shows their progress; hold what they are measured on."""
    total = cases * arguments.rounds
    with place(target) as cores, progress.shown(total, arguments.plain) as (events, _):
        if cores.shared:
            print(SHARED, file=sys.stderr)
        design = Design(logs, arguments.rounds, arguments.samples, cores=cores)
        yield design, lambda case, number: events.case_done(f"{case} round {number + 1}", "ok", "")
