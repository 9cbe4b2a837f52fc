"""Peak host memory of one call, read from the kernel."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
KEPT = 2**30


def _status(field: str) -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return float(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {field}")


def return_free_pages() -> None:
    """Give pages of the heap that are free back to the system, where the allocator can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def keep_freed_memory() -> None:
    """Have glibc take all memory from its heap, and keep there what calls free, up to KEPT.

    Else it maps large arrays one by one, unless an earlier one has left a hole that they fit into,
    and gives the end of the heap back: so what has happened before decides whether a call gets all
    of its pages anew, each for microseconds. One that takes 0.86 ms then takes 1.5 ms.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, KEPT)


def peak_rss(run: Callable[[], Any]) -> dict[str, float]:
    """Return {"rss": bytes} by which the resident set peaks above its level before one call.

    Free heap pages are first returned to the system, so that they are counted again when the call
    uses them. Resolution: pages (4 KiB), and small blocks that the allocator recycles are missed.
    Empty where the kernel does not allow resetting the peak (not Linux, or a locked container).
    """
    if sys.platform != "linux":
        return {}
    gc.collect()
    return_free_pages()
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return {}
    before = _status("VmRSS")
    run()
    return {"rss": max(0.0, _status("VmHWM") - before)}
