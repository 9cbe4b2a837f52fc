"""A run directory, read: rows, plan, facts about machines and environments."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.record import rows as store
from reports.data.text import clean

CALIBRATION = ("when", "design", "clock", "same", "planted", "peaks")
PEAKS = ("device", "design", "peaks")
Facts = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Run:
    """Everything that a report is made from. Strings are cleaned; nothing else is changed."""

    directory: Path
    rows: tuple[dict[str, Any], ...]
    plan: Mapping[str, Any]
    machines: Facts
    environments: Facts
    sha256: str
    lines: int
    warnings: tuple[str, ...]
    calibration: Mapping[str, Any] = field(default_factory=dict)
    peaks: Mapping[str, Any] = field(default_factory=dict)


def read(directory: Path) -> Run:
    """Read a run directory; rows and facts are verified.

    Raises:
        ValueError: when it is missing, holds no rows, or a file in it is not what it should be or
            was changed; the message names the file and the remedy.
    """
    if not directory.is_dir():
        raise ValueError(f"no such directory: {directory} (name one made by `bench run`)")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = store.load(directory)
    plan, calibration = directory / "plan.json", _named(directory / "calibration.json", CALIBRATION)
    return Run(
        directory=directory,
        rows=tuple(clean(row) for row in loaded),
        plan=_plan(plan) if plan.is_file() else {},
        machines=clean(store.facts(directory, "machines")),
        environments=clean(store.facts(directory, "environments")),
        sha256=hashlib.sha256((directory / "rows.jsonl").read_bytes()).hexdigest(),
        lines=len(loaded),
        warnings=tuple(clean(str(w.message).replace(f"{directory}/", "")) for w in caught),
        calibration=calibration,
        peaks=_named(directory / "peaks.json", PEAKS) or calibration,
    )


def _json(file: Path) -> dict[str, Any]:
    return dict(clean(store.read_json(file)))


def _plan(file: Path) -> dict[str, Any]:
    plan = _json(file)
    cases = plan.get("cases", [])
    if not isinstance(cases, list) or not all(isinstance(c, dict) and "key" in c for c in cases):
        raise ValueError(f"{file}: `cases` is not a list of cases with a key each")
    return plan


def _named(file: Path, names: Sequence[str]) -> dict[str, Any]:
    """Return what a file says, which has to be under these names; {} where there is none."""
    if not file.is_file():
        return {}
    found = _json(file)
    missing = [name for name in names if name not in found]
    if missing:
        raise ValueError(f"{file} has no {missing[0]!r}; run `bench calibrate` again")
    return found
