"""How a command line ends: the exit code, and what is said on the way."""

from __future__ import annotations

import errno
import io
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130
"""What a shell says of a program that was interrupted: 128 + SIGINT."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)
"""What a disk that takes no more says: one line, and the rows that are there are right."""
UNREAD = 141
"""What a shell says of a program whose output nobody reads any more: 128 + SIGPIPE."""


def ended(
    command: Callable[[], int | None], bad: tuple[type[Exception], ...] = (ValueError,)
) -> int:
    """Run a command; return its exit code, or that of what ended it.

    Exceptions of the types `bad` are bad input: said in one line, and 2. An interrupt is said
    in one line, and 130. A reader of the output that went away, as `head` does, is not said, and
    141; a disk that is full or may not be written is said in one line, and 1. Anything else is the
    harness's own fault, and keeps its traceback. What a terminal cannot show is shown escaped.
    """
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = command() or 0
        sys.stdout.flush()
    except BrokenPipeError:
        if not _output_is_closed():
            raise  # another pipe: to a worker
        return UNREAD
    except bad as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    except OSError as error:
        if error.errno not in FULL:
            raise
        where = f" {error.filename}" if error.filename else ""
        print(f"error: {error.strerror}:{where or ' cannot write'}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("\ninterrupted; the same command continues where it stopped", file=sys.stderr)
        return INTERRUPTED
    return code


def _open_what_is_closed() -> None:
    """Send to nowhere what goes where a shell closed it (`>&-`): no file may take its place."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)


@contextmanager
def importing() -> Iterator[None]:
    """Let an interrupt end the process at once, in one line: nothing has begun that it would lose.

    An exception would not do while modules are imported: what the import system calls on the way
    prints its traceback, and drops it. Elsewhere than on a command line (a thread, a handler of
    its own, interrupts that are ignored) nothing changes.
    """
    mine = threading.current_thread() is threading.main_thread()
    if not mine or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _quit)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _quit(number: int, frame: FrameType | None) -> None:
    os.write(2, b"\ninterrupted before anything began\n")
    os._exit(INTERRUPTED)


def _output_is_closed() -> bool:
    """Return whether nobody reads the standard output; if so, send the rest to nowhere."""
    try:
        output = sys.stdout.fileno()
    except OSError:
        return False  # not a file
    poll = select.poll()
    poll.register(output, 0)
    closed = bool(poll.poll(0))
    if closed:
        os.dup2(os.open(os.devnull, os.O_WRONLY), output)
    return closed
