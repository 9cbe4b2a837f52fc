"""How much memory is left for another worker: of the machine, of its control groups, of the GPU.

Read from the kernel (`MemAvailable`; limit and use of each control group above this process, of
version 2 or 1, where pages of files that can be dropped count as free) and from NVML.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bench.record import nvml

RESERVE = 0.25
"""The share of a memory that stays free for what is measured while others are idle."""
WORKER = 2**29
"""What a worker is expected to hold when it is up [B]: its framework, or its context on a GPU."""


@dataclass(frozen=True)
class Memory:
    """A memory [B]: all of it, and what is left."""

    total: int
    available: int

    def fits(self, workers: int) -> bool:
        """Return whether so many more workers leave the reserve free."""
        return self.available >= RESERVE * self.total + WORKER * workers


def total_memory() -> int:
    """Return the machine's memory [B]."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def memories(device: str, workers: int) -> tuple[Memory, ...]:
    """Return the memories that a worker on this device takes from.

    Where the kernel does not say what is left (not Linux), each of the `workers` that are up is
    taken to hold what is expected of one; a GPU whose driver does not say is left out.
    """
    total = total_memory()
    host = host_memory() or Memory(total, total - WORKER * workers)
    return (host, *gpu_memory()) if device == "cuda" else (host,)


def gpu_memory() -> Iterator[Memory]:
    """Yield the memory of the GPU, if its driver says it."""
    try:
        said = nvml.read(lambda lib, gpu: lib.nvmlDeviceGetMemoryInfo(gpu))
    except nvml.Unavailable:
        return
    yield Memory(int(said.total), int(said.free))


def host_memory(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> Memory | None:
    """Return the memory that this process may use; None where the kernel does not say."""
    machine = _fields(proc / "meminfo")
    if "MemTotal" not in machine or "MemAvailable" not in machine:
        return None
    found = [Memory(machine["MemTotal"] * 1024, machine["MemAvailable"] * 1024)]
    found += _limits(proc / "self" / "cgroup", groups)
    return Memory(min(m.total for m in found), max(0, min(m.available for m in found)))


def _limits(membership: Path, groups: Path) -> Iterator[Memory]:
    """Yield what each control group of this process, and those above it, may hold."""
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            root, names = groups, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            root = groups / "memory"
            names = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
        else:
            continue
        group = PurePosixPath(path.lstrip("/"))
        for folder in (root / part for part in (group, *group.parents)):
            limit, used = (_number(folder / name) for name in names[:2])
            if limit is not None and used is not None:
                droppable = _fields(folder / "memory.stat").get(names[2], 0)
                yield Memory(limit, limit - used + droppable)


def _number(file: Path) -> int | None:
    """Return the number in a file; None for "max", and where there is no such file."""
    try:
        text = file.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _fields(file: Path) -> dict[str, int]:
    """Return the numbers of a file with a name and a number a line; {} where there is none."""
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    words = [line.replace(":", " ").split() for line in lines]
    return {w[0]: int(w[1]) for w in words if len(w) > 1 and w[1].isdigit()}
