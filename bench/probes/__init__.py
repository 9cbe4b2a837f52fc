"""Probes: one kind of quantity each, measured on a built case.

A probe yields readings. `detail["passed"]` is False when a gate failed: the case is then `wrong`
and is not timed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from bench.rows import Reading
from bench.subject import Subject


@dataclass(frozen=True)
class Probe:
    """A named quantity; `measure` yields its readings, and none where it does not apply.

    A reading whose detail has `unavailable` says why a counter cannot be read here. Isolation
    "process" asks for a worker that has built this case and done nothing else.
    """

    name: str
    measure: Callable[[Subject], Iterable[Reading]]
    isolation: Literal["worker", "process"] = "worker"


MODULES = ("seconds", "verdicts", "indices", "memory", "cost", "device", "energy", "expressivity",
           "symmetry", "by_knob", "convolution", "accuracy", "discrimination", "nero",
           "universality")  # fmt: skip
"""The modules with probes, in the order in which they run.

They are imported by name, so that the sources of one probe are not those of all.
"""


def probes() -> dict[str, Probe]:
    """Return every probe by name, in the order in which they run."""
    modules = [importlib.import_module(f"{__name__}.{name}") for name in MODULES]
    return {probe.name: probe for module in modules for probe in module.PROBES}


RUN = ("time.build", "time.pack", "time.first", "error", "equiv", "conduct.cached", "mem.peak",
       "cost", "time.device", "energy")  # fmt: skip
"""What `bench run` measures on each case before its time."""
PAPER = (*RUN, "mem.fresh")
"""What the profile paper measures: also what needs a process of its own."""
CHECK = ("error", "equiv", "agrees", "by_knob", "conduct", "conduct.cached", "conduct.indices")
"""What `bench check` measures on each case."""
UNITS = {
    "time": "s", "case": "s", "mem": "B", "cost.bytes": "B", "energy": "J", "power": "W",
    "clock": "Hz", "temperature": "degC",
}  # fmt: skip


def unit_of(probe: str) -> str:
    """Return the unit of a reading by how its name begins: s, B, J, W, Hz, degC, or 1."""
    return next((unit for name, unit in UNITS.items() if f"{probe}.".startswith(f"{name}.")), "1")
