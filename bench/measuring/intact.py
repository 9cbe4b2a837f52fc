"""Is what measures and judges still what it was before code from outside was imported?

Code in one process can change anything in it. What is easily changed is watched: the functions and
constants of the suite's own modules, the clocks of `time`, NumPy's functions, what operations
declare, and the processors that the process was given. This tells a plug-in that changes the clock,
a tolerance or an oracle, by intent or not; it is no wall (docs/protocol.md).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

from impls.family import Family
from impls.operation import Operation

WATCHED = ("bench.measuring", "bench.record", "analysis", "impls")
"""Packages whose functions, classes and constants are to stay."""
LIBRARIES = ("time", "numpy", "numpy.linalg")
State = Mapping[str, Any]


def state() -> State:
    """Return what of each module that is imported now must stay as it is, by its name."""
    found: dict[str, Any] = {}
    for name, module in list(sys.modules.items()):
        if name in LIBRARIES or name in WATCHED or name.startswith(tuple(f"{w}." for w in WATCHED)):
            found |= {f"{name}.{key}": value for key, value in _members(module, name)}
    if hasattr(os, "sched_getaffinity"):
        found["the processors that it may use"] = os.sched_getaffinity(0)
    return found


def changed(before: State) -> list[str]:
    """Return the names of what is not as it was in `before`."""
    now = state()
    return [name for name, value in before.items() if name not in now or now[name] != value]


def _members(module: ModuleType, name: str) -> Iterator[tuple[str, Any]]:
    """Yield what of a module is watched, each as a value that is equal while it is the same."""
    for key, value in list(vars(module).items()):
        if isinstance(value, dict) and key.isupper():
            yield key, repr(value)
        elif callable(value) or key.isupper():
            yield key, _identity(value)
        if isinstance(value, Operation | Family):
            for attribute, declared in vars(value).items():
                yield f"{key}.{attribute}", _identity(declared)
        if isinstance(value, type) and value.__module__ == name:
            for attribute, method in vars(value).items():
                if isinstance(method, FunctionType):
                    yield f"{key}.{attribute}", _identity(method)


def _identity(thing: Any) -> tuple[int, int]:
    """Return what changes with an object and, of a function, with its code."""
    return id(thing), id(getattr(thing, "__code__", None))
