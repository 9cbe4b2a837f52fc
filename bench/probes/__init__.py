"""Probes: one kind of quantity each, measured on a built case.

A probe yields readings. `detail["passed"]` is False when a gate failed: the case is then `wrong`
and is not timed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bench.rows import Reading
from bench.subject import Subject


@dataclass(frozen=True)
class Probe:
    """A named quantity; `measure` yields its readings, and none where it does not apply."""

    name: str
    measure: Callable[[Subject], Iterable[Reading]]


def probes() -> dict[str, Probe]:
    """Return every probe by name, in the order in which they run."""
    from bench.probes import expressivity, memory, seconds, verdicts

    modules = (seconds, verdicts, memory, expressivity)
    return {probe.name: probe for module in modules for probe in module.PROBES}


RUN = ("time.build", "time.pack", "time.first", "error", "equiv", "mem.peak")
"""What `bench run` measures on each case before its time."""
CHECK = ("error", "equiv", "conduct")
"""What `bench check` measures on each case."""
UNITS = {"time": "s", "mem": "B", "case": "s"}


def unit_of(probe: str) -> str:
    """Return the unit of a reading by the first part of its name: s, B, or 1."""
    return UNITS.get(probe.split(".")[0], "1")
