"""Rows: one measured quantity a line, appended to a file and never changed.

A run is a directory: `plan.json` (what was meant), `rows.jsonl` (what was measured), and the facts
about machines and environments that the rows refer to by fingerprint. Rows and facts are named by
the digest of their content, and are verified when they are read.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from bench.record import foreign, schema
from bench.record.case import digest
from bench.record.schema import FORMER, SCHEMA, RowRead
from bench.record.schema import STATUSES as STATUSES
from bench.record.schema import Status as Status

if TYPE_CHECKING:
    import pandas as pd

FINISHED = "case"
"""The probe of the last row of a case; only it means that the case is finished."""
TIMED: tuple[Status, ...] = ("ok", "noisy")
"""Statuses with a time: `noisy` is one whose interval is wider than was asked for."""
MAX_SAMPLES = 200
Kind = Literal["machines", "environments"]
KINDS: tuple[Kind, ...] = get_args(Kind)
HERE = ("protocol", "machine", "environment")
"""What rows share that are ever put together, beside their question."""
SEPARATORS = (",", ":")
_compact = json.JSONEncoder(separators=SEPARATORS).encode


@dataclass(frozen=True)
class Reading:
    """What a probe returns: a value with its interval and samples, and whatever explains it.

    `passed` is whether a gate or a test let it pass, None where nothing was judged; `limit` is the
    largest value that does; `claimed` whether the symmetry is one that the operation claims;
    `expected` what is derived of the value.
    """

    probe: str
    value: float | None
    lo: float | None = None
    hi: float | None = None
    n: int = 0
    samples: Sequence[float] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)
    passed: bool | None = None
    limit: float | None = None
    claimed: bool | None = None
    expected: float | None = None


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
            "passed": r.passed,
            "limit": _finite(r.limit),
            "claimed": r.claimed,
            "expected": _finite(r.expected),
            "detail": _jsonable(r.detail),
            "status": self.status,
            "reason": self.reason,
            "quality": _jsonable(self.quality),
            **self.provenance,
        }
        return signed(data)


def signed(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of SCHEMA with its id: the digest of everything else in it, in its order.

    The order of columns says which facet of a family comes first.
    """
    rest = {name: value for name, value in row.items() if name != "id"}
    return {"id": _hash(_compact(rest)), **rest}


def line_of(row: Mapping[str, Any]) -> str:
    """Return a row as the line of a file: its id, then what it is the digest of, as hashed.

    A reader so verifies the line without writing it again.
    """
    rest = {name: value for name, value in row.items() if name != "id"}
    text = json.dumps(rest, separators=SEPARATORS, allow_nan=False)
    return f"{_head(row['id'])}{text[1:]}\n"


def _head(name: str) -> str:
    return f'{{"id":"{name}",'


def _hash(text: str) -> str:
    """Return 16 hex digits, the BLAKE2 hash that `digest` takes too."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _is_named_rightly(line: str, row: Mapping[str, Any]) -> bool:
    """Return whether the id of a row is the digest of everything else in its line.

    That of FORMER did not see the order of columns.
    """
    name = str(row.get("id"))
    if row["schema"] == FORMER:
        return digest({column: v for column, v in row.items() if column != "id"}) == name
    head = _head(name)
    if line.startswith(head) and _hash("{" + line[len(head) :]) == name:
        return True
    return bool(signed(row)["id"] == name)


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _jsonable(data: Any) -> Any:
    """Return nested data with null in the place of numbers that JSON does not have."""
    if isinstance(data, Mapping):
        return {str(name): _jsonable(item) for name, item in data.items()}
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
        """Append rows in one write and sync them to the disk.

        Raises:
            ValueError: for what `load` would refuse: nothing is appended then.
        """
        made = [row.to_json() for row in rows]
        for row in made:
            problem = schema.problem_of(row)
            if problem is not None:
                raise ValueError(f"no row of {row['case']}, {row['probe']}: {problem}")
        lines = "".join(map(line_of, made))
        with self.file.open("a", encoding="utf-8") as stream:
            stream.write(lines)
            stream.flush()
            os.fsync(stream.fileno())

    def facts(self, kind: Kind, facts: Mapping[str, Any]) -> str:
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


def load(directory: Path) -> list[RowRead]:
    """Return the rows of a run directory, oldest first, each as the flat JSON object.

    A torn last line (the process died while writing it) is reported as a warning and left out.
    Rows of the schema before have the columns of this one.

    Raises:
        ValueError: when there are no rows, or a line is not a row of a known schema, or was changed
            after it was written; the message names the file, the line and the remedy.
    """
    return [row for _, row in read(directory)]


def ends(directory: Path) -> Iterator[RowRead]:
    """Yield the last row of each case of a run directory, holding no others.

    Raises:
        ValueError: as `load`.
    """
    return (row for _, row in read(directory) if row["probe"] == FINISHED)


def read(directory: Path) -> Iterator[tuple[str, RowRead]]:
    """Yield each line of a run directory as it was written, and the row that it says.

    One after another: no more of the file is held than a line.

    Raises:
        ValueError: as `load`.
    """
    file = directory / "rows.jsonl"
    if not file.is_file():
        raise ValueError(f"{directory} holds no rows.jsonl: name a directory made by `bench run`")
    with file.open(encoding="utf-8", errors="replace", newline="\n") as stream:
        for number, line in enumerate(stream, start=1):
            if line.endswith("\n"):
                yield line[:-1], _parse(line[:-1], f"{file}:{number}")
                continue
            warnings.warn(
                f"{file}:{number}: torn last line left out ({len(line)} characters); "
                "its case runs again on resume",
                stacklevel=3,
            )


def _parse(line: str, where: str) -> RowRead:
    try:
        row = foreign.parsed(line)
    except ValueError as error:
        raise ValueError(f"{where}: {error}; move the line out of the file") from None
    if not isinstance(row, dict) or "schema" not in row:
        raise ValueError(f"{where}: not a row (it has no schema); move the line out of the file")
    if row["schema"] not in (SCHEMA, FORMER):
        raise ValueError(
            f"{where}: schema {row['schema']!r}, but this version reads {SCHEMA!r} and "
            f"{FORMER!r}; use the version of the suite that wrote it"
        )
    if not _is_named_rightly(line, row):
        raise ValueError(
            f"{where}: the row was changed after it was written (its id {row.get('id')!r} is not "
            "the digest of the rest); restore the file, or move the line out of it"
        )
    if row["schema"] == FORMER:
        schema.lift(row)
    problem = schema.problem_of(row)
    if problem is not None:
        raise ValueError(f"{where}: {problem}; move the line out of the file")
    return cast(RowRead, row)


def facts(directory: Path, kind: Kind) -> dict[str, dict[str, Any]]:
    """Return the facts of a run directory that rows refer to, by their fingerprint.

    Raises:
        ValueError: when a file is not what was written; the message names it and the remedy.
    """
    found: dict[str, dict[str, Any]] = {}
    for file in sorted((directory / kind).glob("*.json")):
        data = foreign.read_json(file)
        if digest(data) != file.stem:
            raise ValueError(
                f"{file} was changed after it was written (its name is not the digest of its "
                f"content); {foreign.REMEDY}"
            )
        found[file.stem] = data
    return found


def latest(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows of the last finished attempt at each key and round, for each of HERE.

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
    return tuple(row[name] for name in ("key", "round", *HERE))


def last(
    rows: Iterable[Mapping[str, Any]], here: Mapping[str, Any]
) -> dict[Any, Mapping[str, Any]]:
    """Return the last row `case` of each (key, round) that is finished here.

    `here` has the names of HERE: the protocol in force, this machine and its environment. What the
    budget skipped is not finished.
    """
    return {
        (row["key"], row["round"]): row
        for row in sorted(rows, key=lambda row: row["attempt"])
        if row["probe"] == FINISHED
        and all(row[name] == here[name] for name in HERE)
        and not row["detail"].get("unfinished")
    }


def finished(rows: Iterable[Mapping[str, Any]], here: Mapping[str, Any]) -> set[Any]:
    """Return the (key, round) pairs that need not run again; `here` as in `last`."""
    return set(last(rows, here))


def frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the latest rows as a tidy frame, one column per field."""
    import pandas as pd  # half a second, which every worker would pay

    return pd.DataFrame.from_records([dict(row) for row in latest(rows)])
