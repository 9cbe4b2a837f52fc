"""How much of the processors this process and all that it started have used.

The clock of a process ticks for its own threads alone. A call that hands its work to a child would
look as if it waited for a busy machine, and one that has several work as if it had one thread.
Linux counts the seconds of any process, in nanoseconds, by a clock that its number names; those of
children that have ended and were waited for, it adds up. A process whose parent has ended, as a
daemon's has, becomes a child of this one (`adopt`). Without /proc no child is found; what children
of a child have used that are gone already is counted when that child ends.
"""

from __future__ import annotations

import ctypes
import resource
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

TASKS = Path("/proc")
PR_SET_CHILD_SUBREAPER = 36
SCHEDULED = 2
"""What of a process its clock counts: CPUCLOCK_SCHED, the time that it was running."""


def adopt() -> None:
    """Become the parent of processes that descendants of this one leave behind; Linux alone can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def children(tasks: Path = TASKS) -> tuple[int, ...]:
    """Return all processes that this one has started, and those that they have, and so on."""
    found: list[int] = []
    left: list[int | str] = ["self"]
    while left:
        mine = [pid for pid in _started(tasks / str(left.pop())) if pid not in found]
        found += mine
        left += mine
    return tuple(found)


def _started(process: Path) -> list[int]:
    """Return the children of a process, which are those of its threads; none of one that is gone.

    A thread may end while it is looked at.
    """
    found: list[int] = []
    for task in process.glob("task/*/children"):
        try:
            found += map(int, task.read_text(encoding="ascii").split())
        except OSError:
            continue
    return found


def of_children(known: Iterable[int]) -> float:
    """Return the seconds that these processes, and children that have ended, have used [s].

    One that is gone was waited for, and is counted among those; an entry that nobody has waited
    for still has its clock.
    """
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime + sum(map(_seconds, known))


def _seconds(pid: int) -> float:
    """Return what a process has used [s]; 0 for one that is gone."""
    try:
        return time.clock_gettime(~pid << 3 | SCHEDULED)
    except OSError:
        return 0.0


def used_by(work: Callable[[], object]) -> float:
    """Return the seconds that this process and all that it started use while `work` runs [s]."""
    known = children()
    theirs, mine = of_children(known), time.process_time()
    work()
    mine = time.process_time() - mine
    return mine + of_children({*known, *children()}) - theirs
