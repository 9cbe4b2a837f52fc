"""Peak memory of one call above its live inputs; the source is part of the name."""

from __future__ import annotations

from collections.abc import Iterable

from bench.measuring.built_case import BuiltCase
from bench.measuring.frameworks import Uncounted
from bench.measuring.probes import Probe
from bench.record.rows import Reading

GRAPH = "a CUDA graph has a pool of its own, which the allocator's peak does not show"
"""Why a replayed graph has no peak: it would be 0, the best of all."""


def peak(built: BuiltCase) -> Iterable[Reading]:
    """Yield `mem.peak.<source>` [B] for every source that the framework can read here."""

    if built.case.mode == "cudagraph":
        yield Reading("mem.peak.cuda", None, detail={"unavailable": GRAPH})
        return

    def run() -> None:
        built.framework.wait(built.run())

    run()
    sources = built.framework.peak(run, built.function, built.arguments)
    for source, size in sources.items():
        yield Reading(f"mem.peak.{source}", size, n=1, samples=(size,))


def fresh(built: BuiltCase) -> Iterable[Reading]:
    """Yield `mem.fresh.<source>` [B]: the same, in a process that has built nothing else.

    There is then nothing to recycle, and the counters of JAX's allocator mean this case alone.
    """

    def run() -> None:
        built.framework.wait(built.run())

    if built.case.mode == "cudagraph":
        yield Reading("mem.fresh.cuda", None, detail={"unavailable": GRAPH})
        return
    try:
        found = built.framework.fresh_peak(run, built.arguments)
    except Uncounted as reason:
        yield Reading("mem.fresh", None, detail={"unavailable": str(reason)})
        return
    for source, size in found.items():
        yield Reading(f"mem.fresh.{source}", size, n=1, samples=(size,))


PROBES = (Probe("mem.peak", peak), Probe("mem.fresh", fresh, isolation="process"))
