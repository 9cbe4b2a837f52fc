"""Which cases of a plan are meant: a glob of their ids, a word in them, or values of columns.

`lmax=3,setting=mimo` keeps the cases that have both; a value may be a glob, or several with a bar
between them: `operation=gaunt|matrix`. The columns are those by which rows are found again, by
their short names: the facets and sizes of the problem, knobs, options, operation, implementation
(with or without its operation), framework, pass, mode, dtype ...
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence

from bench.record.case import Case, case_id, describe
from impls.near import alike
from impls.registry import Registry

FILTER = re.compile(r"\s*[\w.]+\s*=[^,=]*(,\s*[\w.]+\s*=[^,=]*)*")
PREFIXES = ("facet.", "knob.", "option.", "size.")
"""Columns that may be named without these; the first that a case has is meant."""


def select(cases: Sequence[Case], pattern: str, registry: Registry, profile: str) -> list[Case]:
    """Return the cases that a pattern means.

    Raises:
        ValueError: when it means none, with what may be meant.
    """
    if FILTER.fullmatch(pattern):
        return _filtered(cases, pattern, registry)
    glob = pattern if any(c in pattern for c in "*?[") else f"*{pattern}*"
    ids = [case_id(case, registry) for case in cases]
    found = [case for case, name in zip(cases, ids, strict=True) if fnmatch.fnmatchcase(name, glob)]
    if not found:
        words = {part for name in ids for part in re.split(r"[/:\-@.]+", name) if part}
        meant = alike(pattern.strip("*"), words)
        raise ValueError(
            f"--select {pattern!r} matches no case of profile {profile!r}; "
            f"{f'{meant} ' if meant else ''}see: python -m bench list --cases --profile {profile}"
        )
    return found


def _filtered(cases: Sequence[Case], pattern: str, registry: Registry) -> list[Case]:
    wanted = {}
    for condition in pattern.split(","):
        name, _, value = condition.partition("=")
        wanted[name.strip()] = value.strip()
    columns = [_columns(case, registry) for case in cases]
    found = [
        case
        for case, mine in zip(cases, columns, strict=True)
        if all(name in mine and _fits(name, mine[name], value) for name, value in wanted.items())
    ]
    if not found:
        raise ValueError(f"--select {pattern!r}: {_why(wanted, columns)}")
    return found


def _columns(case: Case, registry: Registry) -> dict[str, str]:
    """Return the columns of a case as text, also by their short names."""
    described = {name: _text(value) for name, value in describe(case, registry).items()}
    short = {
        name.removeprefix(prefix): value
        for prefix in reversed(PREFIXES)
        for name, value in described.items()
        if name.startswith(prefix)
    }
    return short | described


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _fits(name: str, value: str, wanted: str) -> bool:
    """Return whether a value is what is wanted: a glob, or one of several between bars."""
    values = (value, value.rpartition(".")[2]) if name == "implementation" else (value,)
    return any(
        fnmatch.fnmatchcase(mine, pattern)
        for mine in values
        for pattern in (wanted, *wanted.split("|"))
    )


def _why(wanted: Mapping[str, str], columns: Sequence[Mapping[str, str]]) -> str:
    """Return what of a filter no case has."""
    known = sorted({name for mine in columns for name in mine})
    for name, value in wanted.items():
        if name not in known:
            shown = [column for column in known if not column.startswith(PREFIXES)]
            return " ".join(
                part
                for part in (
                    f"there is no column {name!r}:",
                    alike(name, known),
                    f"columns are {', '.join(shown)}",
                )
                if part
            )
        present = sorted({mine[name] for mine in columns if name in mine}, key=_natural)
        if not any(_fits(name, have, value) for have in present):
            meant = alike(value, present)
            listed = f"{name} is one of {', '.join(present)}"
            return f"no case has {name}={value}: {f'{meant} ' if meant else ''}{listed}"
    return "each of these is there, but no case has them all"


def _natural(text: str) -> tuple[float, str]:
    try:
        return float(text), text
    except ValueError:
        return float("inf"), text
