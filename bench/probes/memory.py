"""Peak memory of one call above its live inputs; the source is part of the name."""

from __future__ import annotations

from collections.abc import Iterable

from bench.probes import Probe
from bench.rows import Reading
from bench.subject import Subject


def peak(subject: Subject) -> Iterable[Reading]:
    """Yield `mem.peak.<source>` [B] for every source that the framework can read here."""

    def run() -> None:
        subject.framework.wait(subject.run())

    run()
    sources = subject.framework.peak(run, subject.function, subject.arguments)
    for source, size in sources.items():
        yield Reading(f"mem.peak.{source}", size, n=1, samples=(size,))


def fresh(subject: Subject) -> Iterable[Reading]:
    """Yield `mem.fresh.<source>` [B]: the same, in a process that has built nothing else.

    There is then nothing to recycle, and the counters of JAX's allocator mean this case alone.
    """

    def run() -> None:
        subject.framework.wait(subject.run())

    for source, size in subject.framework.fresh_peak(run, subject.arguments).items():
        yield Reading(f"mem.fresh.{source}", size, n=1, samples=(size,))


PROBES = (Probe("mem.peak", peak), Probe("mem.fresh", fresh, isolation="process"))
