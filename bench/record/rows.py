"""Rows: one measured quantity a line, appended to a file and never changed.

A run is a directory: `plan.json` (what was meant), `rows.jsonl` (what was measured), and the facts
about machines and environments that the rows refer to by fingerprint.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from bench.record.case import digest

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "row/1"
Status = Literal["ok", "skip", "wrong", "oom", "timeout", "crash", "error", "noisy", "dominated"]
STATUSES: tuple[Status, ...] = get_args(Status)
FINISHED = "case"
"""The probe of the last row of a case; only it means that the case is finished."""
MAX_SAMPLES = 200

FIXED = {
    "schema": str,
    "id": str,
    "run": str,
    "round": int,
    "attempt": str,
    "key": str,
    "probe": str,
    "unit": str,
    "status": str,
    "reason": str,
    "samples": list,
    "detail": dict,
    "quality": dict,
    "n": int,
    "case": str,
    "machine": str,
    "environment": str,
}
"""Fields that every row has, with their types; `value`, `lo`, `hi` are numbers or null."""


@dataclass(frozen=True)
class Reading:
    """What a probe returns: a value with its interval and samples, and whatever explains it."""

    probe: str
    value: float | None
    lo: float | None = None
    hi: float | None = None
    n: int = 0
    samples: Sequence[float] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One measured quantity with everything needed to trust it; flat in JSON."""

    run: str
    round: int
    attempt: str
    key: str
    case: Mapping[str, Any]
    reading: Reading
    unit: str
    status: Status
    reason: str = ""
    quality: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return one flat JSON object, its id hashed from everything else."""
        r = self.reading
        data: dict[str, Any] = {
            "schema": SCHEMA,
            "run": self.run,
            "round": self.round,
            "attempt": self.attempt,
            "key": self.key,
            **self.case,
            "probe": r.probe,
            "unit": self.unit,
            "value": _finite(r.value),
            "lo": _finite(r.lo),
            "hi": _finite(r.hi),
            "n": r.n,
            "samples": [float(s) for s in r.samples[:MAX_SAMPLES]],
            "detail": _jsonable(r.detail),
            "status": self.status,
            "reason": self.reason,
            "quality": dict(self.quality),
            **self.provenance,
        }
        return {"id": digest(data), **data}


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _jsonable(data: Any) -> Any:
    """Return nested data with null in the place of numbers that JSON does not have."""
    if isinstance(data, Mapping):
        return {name: _jsonable(item) for name, item in data.items()}
    if isinstance(data, list | tuple):
        return [_jsonable(item) for item in data]
    return _finite(data) if isinstance(data, float) else data


class Store:
    """A run directory, open for appending. The parent process alone writes."""

    def __init__(self, directory: Path) -> None:
        """Open or create the directory; a torn last line of an earlier run is set aside."""
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.file = directory / "rows.jsonl"
        _set_torn_line_aside(self.file)

    def append(self, rows: Iterable[Row]) -> None:
        """Append rows in one write and sync them to the disk."""
        lines = "".join(json.dumps(row.to_json(), allow_nan=False) + "\n" for row in rows)
        with self.file.open("a", encoding="utf-8") as stream:
            stream.write(lines)
            stream.flush()
            os.fsync(stream.fileno())

    def facts(self, kind: Literal["machines", "environments"], facts: Mapping[str, Any]) -> str:
        """Keep facts that rows refer to; return their fingerprint."""
        fingerprint = digest(facts)
        write_json(self.directory / kind / f"{fingerprint}.json", facts)
        return fingerprint


def write_json(path: Path, data: object) -> None:
    """Write JSON atomically: a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=path.name, suffix=".tmp", delete=False, encoding="utf-8"
    ) as stream:
        json.dump(data, stream, indent=1, sort_keys=True)
        stream.write("\n")
        os.fchmod(stream.fileno(), 0o644)
    os.replace(stream.name, path)


def _set_torn_line_aside(file: Path) -> None:
    if not file.exists():
        return
    content = file.read_bytes()
    end = content.rfind(b"\n") + 1
    if end == len(content):
        return
    with (file.parent / "rows.torn").open("ab") as stream:
        stream.write(content[end:] + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    with file.open("r+b") as stream:
        stream.truncate(end)


def load(directory: Path) -> list[dict[str, Any]]:
    """Return the rows of a run directory, oldest first, each as the flat JSON object.

    A torn last line (the process died while writing it) is reported as a warning and left out.

    Raises:
        ValueError: when there are no rows, or a line is not a row of a known schema; the message
            names the file, the line and the remedy.
    """
    file = directory / "rows.jsonl"
    if not file.is_file():
        raise ValueError(f"{directory} holds no rows.jsonl: name a directory made by `bench run`")
    rows: list[dict[str, Any]] = []
    lines = file.read_text(encoding="utf-8", errors="replace").split("\n")
    for number, line in enumerate(lines[:-1], start=1):
        rows.append(_parse(line, f"{file}:{number}"))
    if lines[-1]:
        warnings.warn(
            f"{file}:{len(lines)}: torn last line left out ({len(lines[-1])} characters); "
            "its case runs again on resume",
            stacklevel=2,
        )
    return rows


def _parse(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        why = getattr(error, "msg", "nested too deeply")
        raise ValueError(f"{where}: not JSON ({why}); move the line out of the file") from None
    if not isinstance(row, dict) or "schema" not in row:
        raise ValueError(f"{where}: not a row (it has no schema); move the line out of the file")
    if row["schema"] != SCHEMA:
        raise ValueError(
            f"{where}: schema {row['schema']!r}, but this version reads {SCHEMA!r}; "
            "use the version of the suite that wrote it"
        )
    for name, kind in FIXED.items():
        if not isinstance(row.get(name), kind) or isinstance(row[name], bool):
            raise ValueError(
                f"{where}: field {name!r} is missing or not {kind.__name__}; "
                "move the line out of the file"
            )
    if row["status"] not in STATUSES:
        raise ValueError(
            f"{where}: unknown status {row['status']!r}; known are {', '.join(STATUSES)}; "
            "move the line out of the file"
        )
    for name in ("value", "lo", "hi"):
        if not isinstance(row.get(name), int | float | None) or isinstance(row.get(name), bool):
            raise ValueError(
                f"{where}: field {name!r} is not a number; move the line out of the file"
            )
    return row


def latest(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows of the last finished attempt at each (key, machine, environment, round).

    Rows of attempts that were cut off have no row with the probe `case` and are left out. An
    attempt that the budget skipped counts only where there is no other. The order of the rows
    does not matter: an attempt is named by its time.
    """
    rows = list(rows)
    attempts: dict[tuple[Any, ...], tuple[bool, str]] = {}
    for row in rows:
        if row["probe"] == FINISHED:
            rank = not row["detail"].get("unfinished"), row["attempt"]
            attempts[_attempt_of(row)] = max(rank, attempts.get(_attempt_of(row), rank))
    chosen = {slot: attempt for slot, (_, attempt) in attempts.items()}
    return [row for row in rows if chosen.get(_attempt_of(row)) == row["attempt"]]


def _attempt_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["key"], row.get("machine"), row.get("environment"), row["round"]


def last(
    rows: Iterable[Mapping[str, Any]], machine: str, environment: str
) -> dict[Any, Mapping[str, Any]]:
    """Return the last row `case` of each (key, round) that is finished on this machine.

    What the budget skipped is not finished.
    """
    return {
        (row["key"], row["round"]): row
        for row in sorted(rows, key=lambda row: row["attempt"])
        if row["probe"] == FINISHED
        and row.get("machine") == machine
        and row.get("environment") == environment
        and not row["detail"].get("unfinished")
    }


def finished(rows: Iterable[Mapping[str, Any]], machine: str, environment: str) -> set[Any]:
    """Return the (key, round) pairs that need not run again on this machine and environment."""
    return set(last(rows, machine, environment))


def frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the latest rows as a tidy frame, one column per field."""
    import pandas as pd  # half a second, which every worker would pay

    return pd.DataFrame.from_records([dict(row) for row in latest(rows)])


def merge(directories: Sequence[Path], out: Path) -> int:
    """Write the union of several run directories to a new one; return the number of rows.

    Raises:
        ValueError: when `out` exists and is not empty, or an input is not a run directory. Nothing
            is left behind in that case.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is not an empty directory; name a new one")
    union: dict[str, dict[str, Any]] = {}
    plans = []
    for directory in directories:
        union |= {row["id"]: row for row in load(directory)}
        plan = directory / "plan.json"
        if plan.is_file():
            plans.append(json.loads(plan.read_text(encoding="utf-8")))
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=out.parent, prefix=f"{out.name}."))
    try:
        lines = [json.dumps(row) + "\n" for row in union.values()]
        (fresh / "rows.jsonl").write_text("".join(lines), encoding="utf-8")
        for directory in directories:
            for kind in ("machines", "environments"):
                if (directory / kind).is_dir():
                    shutil.copytree(directory / kind, fresh / kind, dirs_exist_ok=True)
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
    return len(union)
