"""What the commands share that measure in pairs: rounds, samples, threads, and who is told."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.commands import progress
from bench.drive.paired import ROUNDS, SAMPLES, Design
from bench.drive.run import gpu_lock
from bench.record import gpu
from impls.implementation import Target


def add_design(parser: argparse.ArgumentParser) -> None:
    """Add --rounds, --samples and --threads."""
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"fresh processes per side: {ROUNDS}"
    )
    parser.add_argument("--samples", type=int, default=SAMPLES, help=f"a round: {SAMPLES}")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads per worker (1)")


def target_of(arguments: argparse.Namespace) -> Target:
    """Return where pairs are measured.

    Raises:
        ValueError: when a number is not positive.
    """
    for name in ("rounds", "samples", "threads"):
        if getattr(arguments, name) < 1:
            raise ValueError(f"--{name} must be at least 1, not {getattr(arguments, name)}")
    return Target(gpu.device_of(arguments.device, arguments.gpu), threads=arguments.threads)


@contextmanager
def designed(
    arguments: argparse.Namespace, cases: int, logs: Path, device: str
) -> Iterator[tuple[Design, Callable[[str, int], None]]]:
    """Give the design of pairs, and what shows their progress; hold the lock of the GPU."""
    design = Design(logs, arguments.rounds, arguments.samples)
    total = cases * design.rounds
    with gpu_lock(device), progress.shown(total, arguments.plain) as (events, _):
        yield design, lambda case, number: events.case_done(f"{case} round {number + 1}", "ok", "")
