"""Progress of a run: a bar with ETA on a terminal, a line per case elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.drive.run import Events
from bench.record.rows import Status

SECONDS_PER_CASE = {
    "cpu": {"fwd": 0.9, "grad": 1.2, "grad2": 1.8},
    "cuda": {"fwd": 3.0, "grad": 4.0, "grad2": 5.0},
}
SECONDS_PER_WORKER = {"cpu": 2.5, "cuda": 1.0}
SECONDS_OF_ENERGY = 5.0
"""For the estimate before the start only (2 cores; an H200 with 16); the bar's ETA is measured."""


def estimate(
    passes: Counter[str], workers: int, rounds: int, device: str = "cpu", energies: int = 0
) -> float:
    """Return a rough number of seconds that a plan will take, `energies` of it once only."""
    each = SECONDS_PER_CASE[device]
    measuring = sum(each[name] * count for name, count in passes.items())
    starting = SECONDS_PER_WORKER[device] * workers
    return rounds * (measuring + starting) + SECONDS_OF_ENERGY * energies


@contextmanager
def shown(total: int, plain: bool) -> Iterator[tuple[Events, Counter[str]]]:
    """Yield the events that draw the progress of `total` cases, and the counts by status."""
    counts: Counter[str] = Counter()
    if plain or not sys.stderr.isatty():
        yield _lines(total, counts), counts
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("starting workers", total=total)
        meant = [total]

        def more(cases: int) -> None:
            meant[0] += cases
            progress.update(task, total=meant[0])

        def opening(case: str) -> None:
            progress.update(task, description=case.split("::")[-1])

        def done(case: str, status: Status, reason: str) -> None:
            counts[status] += 1
            if status not in ("ok", "skip"):
                progress.console.print(f"{status}: {case}: {reason}", markup=False)
            progress.advance(task)

        yield Events(opening=opening, case_done=done, more=more), counts


def _lines(total: int, counts: Counter[str]) -> Events:
    start = time.monotonic()
    meant = [total]

    def more(cases: int) -> None:
        meant[0] += cases
        print(f"{cases} more where it can't be told yet", file=sys.stderr)

    def done(case: str, status: Status, reason: str) -> None:
        counts[status] += 1
        number = sum(counts.values())
        left = (time.monotonic() - start) / number * (meant[0] - number)
        note = f": {reason}" if reason else ""
        print(f"[{number}/{meant[0]}, {left:.0f} s left] {status} {case}{note}", file=sys.stderr)

    return Events(case_done=done, more=more)
