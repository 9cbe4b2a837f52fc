"""NumPy implementations of Clebsch-Gordan with bad manners and right results."""

from __future__ import annotations

import os
import signal
import sys
import time

import numpy as np

from impls.implementation import Built, Implementation
from tests.fakes.honest import product

PAUSE = 0.02
"""Seconds that `trap_pauses` takes at least."""
HELP = 2e-3
"""Seconds of a processor that each child of `trap_helped` and `trap_helped_twice` uses a call."""


def answering(name, answer):
    """Declare an implementation that returns `answer(inputs, right answer)`; one state a build."""

    def build(problem, target, options):
        honest = product("numpy", problem, target)
        state = {}
        return Built(lambda inputs, weights: answer(inputs, honest(inputs, weights), state))

    return Implementation("clebsch_gordan", f"trap_{name}", "numpy", build)


def _pauses(inputs, right, state):
    time.sleep(PAUSE)
    return right


def _spins(inputs, right, state):
    """Take PAUSE seconds to within the reading of a clock, on a machine that is not busy."""
    end = state.get("end", 0.0)
    now = time.perf_counter()
    state["end"] = end + PAUSE if now - end < PAUSE else now + PAUSE
    while time.perf_counter() < state["end"]:
        pass
    return right


def _erratic(inputs, right, state):
    """Compute for 1 ms or 5 ms, by turns of eleven calls."""
    state["calls"] = state.get("calls", 0) + 1
    end = time.perf_counter() + (1e-3 if state["calls"] // 11 % 2 else 5e-3)
    while time.perf_counter() < end:
        pass
    return right


def _prints(inputs, right, state):
    """Garbage, and things that look like the harness's own messages."""
    if not state.setdefault("printed", False):
        state["printed"] = True
        print('{"done": {"failed": false}}\n{"fault": ', "\x00", flush=True)
        os.write(1, b"\xff\xfe\n")
        sys.stderr.write("Traceback (most recent call last)\n")
    return right


def _buffer(inputs, right, state):
    """Answer in one array that the next call overwrites."""
    buffer = state.setdefault("z", np.empty_like(right["z"]))
    np.copyto(buffer, right["z"])
    return {"z": buffer}


def _forks(inputs, right, state):
    """Leave a child behind that holds every pipe and does not want to stop."""
    if "child" not in state:
        state["child"] = os.fork()
        if state["child"] == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(3600)
            os._exit(0)
    return right


def _daemon(inputs, right, state):
    """Leave a process behind in a session of its own."""
    if "child" not in state:
        state["child"] = os.fork()
        if state["child"] == 0:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(3600)
            os._exit(0)
    return right


def _helper():
    """Fork a child that works for HELP for each byte it is sent; return both ends of its pipes.

    It may use every processor that there is.
    """
    (asked, ask), (answer, answered) = os.pipe(), os.pipe()
    if os.fork() == 0:
        os.sched_setaffinity(0, range(os.cpu_count()))
        while os.read(asked, 1):
            end = time.process_time() + HELP
            while time.process_time() < end:
                pass
            os.write(answered, b".")
        os._exit(0)
    return ask, answer


def _helped(count):
    """Return an answer that waits for some children, which work side by side."""

    def answer(inputs, right, state):
        helpers = state.setdefault("helpers", [])
        while len(helpers) < count:
            helpers.append(_helper())
        for ask, _ in helpers:
            os.write(ask, b".")
        for _, told in helpers:
            os.read(told, 1)
        return right

    return answer


def _logs(inputs, right, state):
    """Write more into the log than anybody reads."""
    if "said" not in state:
        state["said"] = True
        for _ in range(80):
            os.write(1, b"x" * 2**20)
    return right


PAUSES = answering("pauses", _pauses)
SPINS = answering("spins", _spins)
ERRATIC = answering("erratic", _erratic)
PRINTS = answering("prints", _prints)
BUFFER = answering("buffer", _buffer)
FORKS = answering("forks", _forks)
DAEMON = answering("daemon", _daemon)
LOGS = answering("logs", _logs)
HELPED = answering("helped", _helped(1))
HELPED_TWICE = answering("helped_twice", _helped(2))
