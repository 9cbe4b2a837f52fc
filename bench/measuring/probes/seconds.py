"""One-off times: building tables, changing the layout, the first call."""

from __future__ import annotations

import time
from collections.abc import Iterable

from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import Probe
from bench.record.rows import Reading


def _once(probe: str, seconds: float) -> Reading:
    return Reading(probe, seconds, n=1, samples=(seconds,))


def build(built: BuiltCase) -> Iterable[Reading]:
    """Yield the seconds that `Implementation.build` took."""
    yield _once("time.build", built.seconds["build"])


def pack(built: BuiltCase) -> Iterable[Reading]:
    """Yield the seconds that the change to the native layout took, where there is one."""
    if "pack" in built.seconds:
        yield _once("time.pack", built.seconds["pack"])


def unpack(built: BuiltCase) -> Iterable[Reading]:
    """Yield the seconds that the change of outputs from the native layout takes."""
    if built.code.unpack is None:
        return
    framework, outputs = built.framework, built.native_outputs()
    framework.wait(built.code.unpack(outputs))  # the first call may compile
    start = time.perf_counter()
    framework.wait(built.code.unpack(outputs))
    yield _once("time.unpack", time.perf_counter() - start)


def first(built: BuiltCase) -> Iterable[Reading]:
    """Yield the seconds of the first call, and of its parts where the framework has them apart.

    `time.trace` and `time.compile` (JAX: tracing and lowering; XLA. PyTorch in mode compile: what
    the first call takes more than the second) are parts of `time.first`.
    """
    mode = built.case.mode
    parts = built.framework.first(built.function, built.arguments, mode)
    for name, seconds in parts.items():
        yield _once(name, seconds)


PROBES = (
    Probe("time.build", build),
    Probe("time.pack", pack),
    Probe("time.unpack", unpack),
    Probe("time.first", first),
)
