"""Probes: one kind of quantity each, measured on a built case.

A probe yields readings. `passed` is False when a gate failed: the case is then `wrong` and is not
timed. Each module here declares its PROBES, and its ANALYSES: what people can ask for by itself,
which is a command of `python -m bench analyse`. A new module is found by being there, and so is
what a file that is given with `--with` declares.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Literal

from bench.measuring.built_case import BuiltCase
from bench.record.rows import Reading
from impls.operation import Operation


@dataclass(frozen=True)
class Doing:
    """What a probe is about to do: said of a call that does not come back."""

    what: str


@dataclass(frozen=True)
class Probe:
    """A named quantity; `measure` yields its readings, and none where it does not apply.

    Before what may hang it may yield `Doing`. A reading whose detail has `note` is said of a right
    case too, and one whose detail has `unavailable` says why a counter cannot be read here.
    Isolation "process" asks for a worker that has built this case and done nothing else, "after"
    for the worker that has timed it, when it has, and "trace" for one that times nothing: once a
    process was recorded, its launches take longer; it is measured in so many `turns` with the other
    cases of its block. What differs between processes is measured in `every_round`, the rest in the
    first.
    """

    name: str
    measure: Callable[[BuiltCase], Iterable[Reading | Doing]]
    isolation: Literal["worker", "process", "after", "trace"] = "worker"
    every_round: bool = False
    turns: int = 1


LARGEST = 1e300
"""What stands for an infinite gap: JSON has no infinity."""
Rows = Sequence[Mapping[str, Any]]
"""Rows of one case, with `probe`, `value`, `passed`, `detail` ..."""
Record = dict[str, Any]
"""One line of an answer. It disagrees when `passed` is False, or a column X is not `expected_X`."""
Answer = Callable[[Rows], Iterator[Record]]


@dataclass(frozen=True)
class View:
    """Another reading of the same rows, asked with a flag: --irreps, or --parallel N.

    `former` is a spelling that still holds.
    """

    flag: str
    help: str
    read: Callable[[Rows, int], Iterator[Record]]
    counts: bool = False
    former: str = ""


@dataclass(frozen=True)
class Analysis:
    """A question about operations that people can ask by itself: `bench analyse NAME`.

    `probes` are measured, and `read` makes lines of an answer of their rows. It is put to the
    operations that it `applies` to: without more words to one implementation of each. One that is
    `swept` is put to one operation, in several data types and with generators of data. One
    `by_knob` is also put at the coarser values of knobs. `example` is the command line after its
    name, `gives` what its lines say and `then` what to do with that: both are for its help. `data`
    names the sets (`impls.inputs.sets`) that are asked where they are here: what was measured
    without one is measured again with it.
    """

    name: str
    summary: str
    probes: tuple[str, ...]
    read: Answer
    applies: Callable[[Operation], bool]
    example: str
    gives: str
    then: str
    swept: bool = False
    by_knob: bool = False
    data: tuple[str, ...] = ()
    views: tuple[View, ...] = field(default=())


def couples(operation: Operation) -> bool:
    """Return whether reduced coefficients say what an operation couples."""
    return operation.coefficients is not None


def _modules() -> Iterator[ModuleType]:
    for info in pkgutil.iter_modules(__path__):
        yield importlib.import_module(f"{__name__}.{info.name}")


def probes(plugins: Iterable[ModuleType] = ()) -> dict[str, Probe]:
    """Return every probe by name, those of a registry's plugins too.

    Raises:
        ValueError: when two have one name.
    """
    return _declared("PROBES", plugins)


def analyses(plugins: Iterable[ModuleType] = ()) -> dict[str, Analysis]:
    """Return every analysis by name, those of a registry's plugins too.

    Raises:
        ValueError: when two have one name.
    """
    return _declared("ANALYSES", plugins)


def _declared(what: str, plugins: Iterable[ModuleType]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for module in (*_modules(), *plugins):
        for one in getattr(module, what, ()):
            if one.name in found:
                raise ValueError(
                    f"{what}: {one.name!r} of {module.__file__} is declared twice; rename it"
                )
            found[one.name] = one
    return found


GATE = ("error", "equiv", "conduct.outputs", "conduct.permuted", "conduct.linear",
        "conduct.strided", "conduct.layout", "conduct.cached", "conduct.fresh",
        "conduct.receipt")  # fmt: skip
"""What a case must pass to be timed; that it is right while it is timed, `conduct.timed` says."""
RUN = ("time.build", "time.pack", "time.unpack", "time.first", *GATE, "mem.peak", "cost",
       "time.device", "time.kernels")  # fmt: skip
"""What `bench run` measures on each case beside its time."""
PAPER = (*RUN, "mem.fresh")
"""What the profile paper measures: also what needs a process of its own."""
CHECK = (*GATE, "agrees", "approximates", "by_knob", "conduct", "conduct.indices")
"""What `bench check` measures on each case."""
UNITS = {
    "time": "s", "case": "s", "mem": "B", "cost.bytes": "B", "energy": "J", "power": "W",
    "clock": "Hz", "temperature": "degC",
}  # fmt: skip


def unit_of(probe: str) -> str:
    """Return the unit of a reading by how its name begins: s, B, J, W, Hz, degC, or 1."""
    return next((unit for name, unit in UNITS.items() if f"{probe}.".startswith(f"{name}.")), "1")


def within(probe: str, value: float, limit: float, problem: str = "", **detail: Any) -> Reading:
    """Return a reading that passes up to a limit, where there is no problem: said in words."""
    finite = math.isfinite(value)
    return Reading(
        probe,
        value if finite else None,
        n=1,
        detail=detail | ({"problem": problem} if problem else {}),
        passed=finite and value <= limit and not problem,
        limit=limit,
    )


# ---- what the readers of rows share --------------------------------------------------------------


def of(rows: Rows, prefix: str) -> Iterator[Mapping[str, Any]]:
    """Return the rows whose probe begins so."""
    return (row for row in rows if row["probe"].startswith(prefix))


def by_probe(rows: Rows) -> dict[str, Mapping[str, Any]]:
    """Return the last row of each probe."""
    return {row["probe"]: row for row in rows}


def reason(row: Mapping[str, Any]) -> Record:
    """Return what a row says is wrong, as a column; nothing where nothing is."""
    return {"reason": row["detail"]["problem"]} if "problem" in row["detail"] else {}
