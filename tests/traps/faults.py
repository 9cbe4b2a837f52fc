"""NumPy implementations of Clebsch-Gordan that fail, hang or die where the irreps have parity.

Asked without parity (so3) they are honest, so that a sweep shows that a new worker took over.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import numpy as np

from impls.families.product import irreps_of
from impls.implementation import Built, Implementation
from tests.fakes.honest import product


def failing(name, fail, **declared):
    """Declare an implementation that calls `fail()` in its call before it answers rightly."""

    def build(problem, target, options):
        honest = product("numpy", problem, target)
        armed = irreps_of(problem)[0].parity

        def call(inputs, weights):
            if armed:
                fail()
            return honest(inputs, weights)

        return Built(call)

    return Implementation("clebsch_gordan", f"trap_{name}", "numpy", build, **declared)


def _raises():
    raise ArithmeticError("the moon is full\nand a second line")


def _memory_error():
    raise MemoryError


def _hog():
    """Take 768 MiB and sit on them."""
    held = [np.ones(2**24) for _ in range(6)]
    time.sleep(3600)
    held.clear()


def _stubborn():
    """Hang and ignore the polite request to stop."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(3600)


def _segfault():
    os.kill(os.getpid(), signal.SIGSEGV)


def _killed():
    os.kill(os.getpid(), signal.SIGKILL)


def _exits():
    sys.exit("enough")


def _vanishes():
    os._exit(0)


def _forks():
    """Leave a child behind that holds every pipe and does not want to stop."""
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(3600)
        os._exit(0)


def _orphans():
    """Leave a child behind and die."""
    _forks()
    os._exit(7)


def _babbles():
    """Write into every open pipe, the harness's own included."""
    for number in range(3, 256):
        try:
            os.write(number, b"\xff\xfe not a message\n")
        except OSError:
            pass


def _counts():
    """Send the harness valid JSON that is no message."""
    for number in range(3, 256):
        try:
            os.write(number, b"42\n")
        except OSError:
            pass


FORGED = (
    {},
    {"reading": {}},
    {"done": 5},
    {"done": {}},
    {"fault": {}},
    {"fault": {"status": "happy", "reason": "x"}},
    {"done": {"failed": False, "layout": "", "kernel": "", "seconds": {}}},
)
"""What looks like a reply, more and more."""


def _child_hog():
    """Let a child hold what the worker may not."""
    if os.fork() == 0:
        held = [np.ones(2**24) for _ in range(6)]
        time.sleep(3600)
        held.clear()
        os._exit(0)
    time.sleep(3600)


def _floods():
    """Send the harness what never ends."""
    replies = int(sys.orig_argv[sys.orig_argv.index("--replies") + 1])
    for _ in range(2**12):
        os.write(replies, b"x" * 2**16)


def forging(message):
    """Return what sends the harness a message of its own form, into every pipe."""

    def forge():
        for number in range(3, 256):
            try:
                os.write(number, json.dumps(message).encode() + b"\n")
            except OSError:
                pass

    return forge


def _cannot_say(problem, target):
    raise TypeError("supports() has a bug")


RAISES = failing("raises", _raises)
MEMORY_ERROR = failing("memory_error", _memory_error)
HOG = failing("hog", _hog)
STUBBORN = failing("stubborn", _stubborn)
SEGFAULT = failing("segfault", _segfault)
KILLED = failing("killed", _killed)
EXITS = failing("exits", _exits)
VANISHES = failing("vanishes", _vanishes)
ORPHANS = failing("orphans", _orphans)
BABBLES = failing("babbles", _babbles)
COUNTS = failing("counts", _counts)
CHILD_HOG = failing("child_hog", _child_hog)
FLOODS = failing("floods", _floods)
FORGERS = tuple(failing(f"forges_{n}", forging(m)) for n, m in enumerate(FORGED))
CANNOT_SAY = failing("cannot_say", lambda: None, supports=_cannot_say)
NOT_INSTALLED = failing("not_installed", lambda: None, requires=("a_package_nobody_has",))
