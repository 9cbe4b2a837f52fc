"""One-off times: building tables, changing the layout, the first call."""

from __future__ import annotations

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
    """Yield the seconds of the first call, and of its parts where the framework has them apart.

    `time.trace` and `time.compile` (JAX: tracing and lowering; XLA. PyTorch in mode compile: what
    the first call takes more than the second) are parts of `time.first`.
    """
    mode = subject.case.mode
    parts = subject.framework.first(subject.function, subject.arguments, mode)
    for name, seconds in parts.items():
        yield _once(name, seconds)


PROBES = (Probe("time.build", build), Probe("time.pack", pack), Probe("time.first", first))
