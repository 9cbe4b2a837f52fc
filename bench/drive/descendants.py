"""What a worker starts: found by a variable that descendants inherit, counted and ended with it.

A process group does not hold what asks for a session of its own, a daemon, and the memory of a
child is not that of its parent. What clears its environment is not found: this is no wall
(docs/protocol.md). Without /proc nothing is found.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

MARK = "EQUIBENCH_WORKER"
"""The variable that names the worker."""
PATIENCE = 3.0
"""Seconds that ending may take."""
PROC = Path("/proc")


def of(name: str) -> Iterator[int]:
    """Yield the processes that a worker of a name started, and itself."""
    wanted = f"{MARK}={name}".encode()
    for process in PROC.glob("[0-9]*"):
        try:
            variables = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # another user's, or gone
        if wanted in variables:
            yield int(process.name)


def resident(name: str) -> int:
    """Return the memory that a worker and all it started hold [B]; what they share counts twice."""
    return sum(map(resident_of, of(name)))


def resident_of(pid: int) -> int:
    """Return the memory that a process holds [B]; 0 when it is gone."""
    try:
        pages = (PROC / str(pid) / "statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def end(name: str) -> None:
    """Kill what a worker started and is still there, and what that starts meanwhile."""
    deadline = time.monotonic() + PATIENCE
    while (left := [pid for pid in of(name) if _runs(pid)]) and time.monotonic() < deadline:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    """Return whether a process is more than an entry that nobody waited for."""
    try:
        state = (PROC / str(pid) / "stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in "ZX"


def oom_kills(proc: Path = PROC, groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Return how many processes the kernel has killed for want of memory, here or anywhere."""
    files = [proc / "vmstat"]
    try:
        lines = (proc / "self" / "cgroup").read_text(encoding="ascii").splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2
            files.append(groups / path.strip("/") / "memory.events")
    return sum(_counted(file) for file in files)


def _counted(file: Path) -> int:
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    pairs = (line.split() for line in lines)
    return sum(int(p[1]) for p in pairs if len(p) == 2 and p[0] == "oom_kill")
