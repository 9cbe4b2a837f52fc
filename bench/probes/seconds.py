"""One-off times: building tables, changing the layout, the first call."""

from __future__ import annotations

import time
from collections.abc import Iterable

from bench.probes import Probe
from bench.rows import Reading
from bench.subject import Subject


def _once(probe: str, seconds: float) -> Reading:
    return Reading(probe, seconds, n=1, samples=(seconds,))


def build(subject: Subject) -> Iterable[Reading]:
    """Yield the seconds that `Implementation.build` took."""
    yield _once("time.build", subject.seconds["build"])


def pack(subject: Subject) -> Iterable[Reading]:
    """Yield the seconds that the change to the native layout took, where there is one."""
    if "pack" in subject.seconds:
        yield _once("time.pack", subject.seconds["pack"])


def first(subject: Subject) -> Iterable[Reading]:
    """Yield the seconds of the first timed call: tracing and compiling included."""
    start = time.perf_counter()
    subject.framework.wait(subject.run())
    yield _once("time.first", time.perf_counter() - start)


PROBES = (Probe("time.build", build), Probe("time.pack", pack), Probe("time.first", first))
