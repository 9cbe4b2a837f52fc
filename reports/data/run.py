"""A run directory, read: rows, plan, facts about machines and environments."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.record import rows as store
from bench.record.foreign import NUMBER, Each, read_json, read_plan
from reports.data.text import clean

COUNTS = {"pairs": int, "faster": int, "slower": int, "failed": int}
CALIBRATION = {
    "when": str,
    "design": {"rounds": int, "samples": int, "margin": NUMBER, "level": NUMBER},
    "clock": {"relative_error": Each(NUMBER), "seconds_of_nothing": NUMBER},
    "same": COUNTS,
    "planted": {**COUNTS, "share": NUMBER},
    "peaks": Each(NUMBER),
}
PEAKS = {"device": str, "design": {"threads": int}, "peaks": Each(NUMBER)}
AGAIN = "run `bench calibrate` again"
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

    @cached_property
    def machine(self) -> str:
        """Return the accelerators of what its rows name, or the processors: `NVIDIA H200`."""
        found = []
        named = {row.get("machine") for row in self.rows}
        for facts in (facts for name, facts in self.machines.items() if name in named):
            gpus = [str(gpu) for gpu in facts.get("gpus") or ()]
            found += gpus or [f"{facts.get('cpu') or 'an unknown processor'}, CPU"]
        return " and ".join(dict.fromkeys(found)) or "an unknown machine"

    @property
    def year(self) -> str:
        """Return the year of the last row, or an empty string."""
        return max((str(row.get("t0") or "")[:4] for row in self.rows), default="")


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
    calibration = _beside(directory / "calibration.json", CALIBRATION)
    return Run(
        directory=directory,
        rows=tuple(clean(row) for row in loaded),
        plan=clean(read_plan(directory)),
        machines=clean(store.facts(directory, "machines")),
        environments=clean(store.facts(directory, "environments")),
        sha256=hashlib.sha256((directory / "rows.jsonl").read_bytes()).hexdigest(),
        lines=len(loaded),
        warnings=tuple(clean(str(w.message).replace(f"{directory}/", "")) for w in caught),
        calibration=calibration,
        peaks=_beside(directory / "peaks.json", PEAKS) or calibration,
    )


def _beside(file: Path, shape: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file beside the rows says, of a shape; {} where there is none."""
    if not (file.exists() or file.is_symlink()):
        return {}
    return dict(clean(read_json(file, shape, AGAIN)))
