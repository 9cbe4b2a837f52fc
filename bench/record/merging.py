"""Run directories become one: the union of their rows by id, a line after another.

Facts, plans and what machines say of themselves come along; nothing else that lies in a directory
does.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.record import foreign
from bench.record.rows import KINDS, Kind, facts, read, write_json


@dataclass(frozen=True)
class Merged:
    """What a merge did: rows of each directory, rows written, and what could not be kept."""

    counts: tuple[int, ...]
    written: int
    left_out: tuple[str, ...]


BESIDE = ("calibration.json", "peaks.json")
"""What a machine says of itself beside its rows; kept where all directories say the same."""


def merge(directories: Sequence[Path], out: Path) -> Merged:
    """Write the union of several run directories to a new one; return what was done.

    Rows are read and written one after another, so that no more is held than their ids.

    Raises:
        ValueError: when `out` exists and is not empty, or an input is not a run directory, or rows
            or facts in it were changed after they were written. Nothing is left behind then.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is not an empty directory; name a new one")
    plans = [plan for directory in directories if (plan := foreign.read_plan(directory))]
    kept = {kind: _union(directories, kind) for kind in KINDS}
    beside, left_out = _beside(directories)
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=out.parent, prefix=f"{out.name}."))
    try:
        counts: list[int] = []
        known = set[str]()
        with (fresh / "rows.jsonl").open("w", encoding="utf-8") as stream:
            for directory in directories:
                counts.append(0)
                for line, row in read(directory):
                    counts[-1] += 1
                    if row["id"] not in known:
                        known.add(row["id"])
                        stream.write(f"{line}\n")
        for kind, files in kept.items():
            for name, data in files.items():
                write_json(fresh / kind / f"{name}.json", data)
        for name, data in beside.items():
            write_json(fresh / name, data)
        if plans:
            cases = {case["key"]: case for plan in plans for case in plan["cases"]}
            write_json(fresh / "plan.json", {**plans[0], "cases": list(cases.values())})
        fresh.chmod(0o755)
        if out.exists():
            out.rmdir()
        fresh.rename(out)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return Merged(tuple(counts), len(known), left_out)


def _union(directories: Sequence[Path], kind: Kind) -> dict[str, dict[str, Any]]:
    return {name: data for d in directories for name, data in facts(d, kind).items()}


def _beside(directories: Sequence[Path]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the files of BESIDE that all who have them agree on, and what is left out, and why."""
    kept: dict[str, Any] = {}
    left_out = []
    for name in BESIDE:
        files = [file for d in directories if (file := d / name).exists() or file.is_symlink()]
        found = [foreign.read_json(file) for file in files]
        if found and all(data == found[0] for data in found):
            kept[name] = found[0]
        elif found:
            left_out.append(f"{name}: {len(found)} directories say different things")
    return kept, tuple(left_out)
