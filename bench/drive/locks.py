"""What a run holds while it measures: its directory, the GPU, cores of the processor.

Each is the lock of a file, held by the parent and gone when that ends, however it ends. Locks of
the machine lie in its temporary directory and are of all users.
"""

from __future__ import annotations

import fcntl
import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.record import gpu
from impls.implementation import Target


@dataclass(frozen=True)
class Cores:
    """The cores that the workers of a run measure on, in turn; none where nobody can choose them.

    `shared` says that another run had the lock of one of them first.
    """

    numbers: tuple[int, ...] = ()
    shared: bool = False


ANYWHERE = Cores()
SHARED = "shared core: other runs measure on every core that there is"


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Hold the lock of a run directory.

    Raises:
        ValueError: when another process runs in the directory, or it is a file.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ValueError(f"{directory} is not a directory") from None
    with _open(directory / "lock") as lock:
        if not _taken(lock):
            raise ValueError(f"another process is running in {directory}")
        yield


@contextmanager
def place(target: Target, timed: bool = True) -> Iterator[Cores]:
    """Hold what workers measure on: the GPU, or as many cores of the processor as threads.

    What is not `timed` shares the GPU. Of the cores that this process may use, the last are taken
    first; when too few are free, the rest are shared with other runs: nobody waits.

    Raises:
        ValueError: when another process measures on the GPU, or a lock cannot be opened.
    """
    if target.device == "cuda":
        with gpu_lock() if timed else nullcontext():
            yield ANYWHERE
        return
    if not hasattr(os, "sched_getaffinity"):
        yield ANYWHERE
        return
    last_first = sorted(os.sched_getaffinity(0), reverse=True)
    free: list[int] = []
    with ExitStack() as held:
        for core in last_first:
            if len(free) < target.threads:
                file = Path(tempfile.gettempdir()) / f"equibench-core-{core}.lock"
                if _taken(held.enter_context(_open(file, everyone=True))):
                    free.append(core)
        busy = [core for core in last_first if core not in free]
        others = random.sample(busy, min(len(busy), target.threads - len(free)))
        yield Cores(tuple(sorted(free + others)), shared=bool(others))


@contextmanager
def gpu_lock() -> Iterator[None]:
    """Hold the lock of the GPU in use.

    Raises:
        ValueError: when another process measures on it, or the lock cannot be opened.
    """
    with _open(Path(tempfile.gettempdir()) / gpu.lock_name(), everyone=True) as lock:
        if not _taken(lock):
            name = os.environ.get(gpu.VISIBLE, "0").split(",")[0]
            raise ValueError(f"another process measures on GPU {name}: wait until it has ended")
        yield


def available() -> int:
    """Return how many cores of the processor this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _open(file: Path, everyone: bool = False) -> Iterator[int]:
    """Open a file to be locked, and make it if need be, for `everyone` whatever the umask is.

    Raises:
        ValueError: when it cannot be opened or made, or is a link.
    """
    try:
        descriptor = _descriptor(file, everyone)
    except OSError as error:
        raise ValueError(
            f"cannot open the lock {file} ({error.strerror}): its folder must be writable, and it "
            "readable and no link"
        ) from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _descriptor(file: Path, everyone: bool) -> int:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # neither a link nor a pipe leads astray
    while True:
        with suppress(FileNotFoundError):
            return os.open(file, flags)
        with suppress(FileExistsError):  # made by another in the meantime
            descriptor = os.open(file, flags | os.O_CREAT | os.O_EXCL, 0o644)
            if everyone:
                os.fchmod(descriptor, 0o666)
            return descriptor


def _taken(descriptor: int) -> bool:
    """Take the lock of an open file; return whether it was free."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
