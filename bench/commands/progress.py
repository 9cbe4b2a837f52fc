"""Progress of a run: a bar with ETA on a terminal, a line per case elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from bench.drive.run import Events
from bench.record.rows import Status

QUIET = ("ok", "skip", "noisy")
"""Statuses that are counted and not told: a precision is for the page."""


@contextmanager
def shown(total: int, plain: bool) -> Iterator[tuple[Events, Counter[str]]]:
    """Yield the events that draw the progress of `total` cases, and the counts by status."""
    counts: Counter[str] = Counter()
    if plain or not sys.stderr.isatty():
        yield _lines(total, counts), counts
        return
    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("starting workers", total=total)
        meant = [total]

        def more(cases: int) -> None:
            meant[0] += cases
            progress.update(task, total=meant[0])

        up = [0]

        def worker_up() -> None:
            up[0] += 1
            progress.update(task, description=f"starting workers: {up[0]} are up")

        def opening(case: str) -> None:
            progress.update(task, description=case.split("::")[-1])

        def done(case: str, status: Status, reason: str) -> None:
            counts[status] += 1
            if status not in QUIET:
                progress.console.print(f"{status}: {case}: {reason}", markup=False)
            progress.advance(task)

        yield Events(worker_up, opening, done, more), counts


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
        note = f": {reason}" if reason and status != "noisy" else ""
        print(f"[{number}/{meant[0]}, {left:.0f} s left] {status} {case}{note}", file=sys.stderr)

    return Events(case_done=done, more=more)
