"""The schema of a row: its columns and their types, which the reader checks.

`python -m bench.record.schema` prints it as JSON Schema: `docs/rows.schema.json`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from types import NoneType
from typing import Any, Literal, NotRequired, TypedDict, get_args, get_origin, get_type_hints

SCHEMA = "row/2"
"""What is written. What is read may also be FORMER."""
FORMER = "row/1"
"""The schema before: its `detail` held what now are the columns of JUDGED."""
Status = Literal["ok", "skip", "wrong", "oom", "timeout", "crash", "error", "noisy", "dominated"]
STATUSES: tuple[Status, ...] = get_args(Status)

RowRead = TypedDict(
    "RowRead",
    {
        "id": str,
        "schema": Literal["row/2", "row/1"],
        "run": str,
        "round": int,
        "attempt": str,
        "key": str,
        "case": str,
        "problem": str,
        "family": str,
        "operation": str,
        "implementation": str,
        "framework": str,
        "dtype": str,
        "data": str,
        "seed": int,
        "draws": NotRequired[int],
        "pass": str,
        "mode": str,
        "device": str,
        "precision": str,
        "threads": int,
        "tier": NotRequired[str],
        "tier.label": NotRequired[str],
        "probe": str,
        "unit": str,
        "value": float | None,
        "lo": float | None,
        "hi": float | None,
        "n": int,
        "samples": list[float],
        "detail": dict[str, Any],
        "passed": bool | None,
        "limit": float | None,
        "claimed": bool | None,
        "expected": float | None,
        "status": Status,
        "reason": str,
        "quality": dict[str, Any],
        "machine": str,
        "environment": str,
        "protocol": str,
        "commit": str,
        "dirty": bool | None,
        "t0": str,
    },
)
"""A row as it is read; beside these it has the columns of FREE."""
JUDGED = {"passed": "passed", "limit": "tolerance", "claimed": "claimed", "expected": "expected"}
"""Columns that FORMER kept in `detail`, with their names there."""
FREE = ("size", "facet", "option", "knob")
"""What columns of a question begin with: `size.channels`, `facet.lmax` ...; they are scalars."""

SCALARS = (str, int, float, bool, NoneType)

JSON_TYPES: Mapping[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
    NoneType: "null",
}


def _types(hint: Any) -> tuple[type, ...]:
    """Return the types that a hint admits, as `json.loads` makes them."""
    if get_origin(hint) is Literal:
        return (str,)
    parts = get_args(hint) if get_origin(hint) not in (list, dict) else ()
    return tuple(get_origin(part) or part for part in parts or (hint,))


HINTS = get_type_hints(RowRead)
COLUMNS: Mapping[str, tuple[type, ...]] = {name: _types(hint) for name, hint in HINTS.items()}
_KINDS = [
    (name, frozenset((*types, int) if float in types else types), name in RowRead.__required_keys__)
    for name, types in COLUMNS.items()
]


def problem_of(row: Mapping[str, Any]) -> str | None:
    """Return what keeps a JSON object from being a RowRead, else None."""
    problem = _problem_of_types(tuple(row), tuple(map(type, row.values())))
    if problem is not None:
        return problem
    if row["status"] not in STATUSES:
        return f"unknown status {row['status']!r}; known are {', '.join(STATUSES)}"
    for name in ("value", "lo", "hi"):
        if row[name] is not None and not math.isfinite(row[name]):
            return f"{name} = {row[name]} is not finite"
    samples = row["samples"]
    if not all(type(v) in (int, float) and math.isfinite(v) for v in samples):
        return "field 'samples' holds what is not a finite number"
    if row["probe"].startswith("time.") and min([*samples, row["value"] or 0.0]) < 0:
        return "a time is negative"
    flags = row["quality"].get("flags", [])
    if not isinstance(flags, list) or not all(isinstance(flag, str) for flag in flags):
        return "field 'quality.flags' is not a list of strings"
    return None


@lru_cache(maxsize=1 << 12)
def _problem_of_types(names: tuple[str, ...], types: tuple[type, ...]) -> str | None:
    """Return what is wrong with the types of columns; thousands of rows have the same."""
    found = dict(zip(names, types, strict=True))
    for name, kinds, required in _KINDS:
        if found.get(name) not in kinds and (required or name in found):
            words = " or ".join(JSON_TYPES[kind] for kind in COLUMNS[name])
            return f"field {name!r} is missing or not {words}"
    for name, kind in found.items():
        if name.partition(".")[0] in FREE and kind not in SCALARS:
            return f"column {name!r} is not a string, number, boolean or null"
    return None


def lift(row: dict[str, Any]) -> None:
    """Give a row of FORMER the columns of SCHEMA, in place; its `schema` still names its origin.

    What was derived of a yes or no, and not of the value, is `derived` in its detail.
    """
    detail = row.get("detail")
    if not isinstance(detail, dict):
        return
    if type(detail.get("expected")) not in (int, float, NoneType):
        detail["derived"] = detail.pop("expected")
    for column, former in JUDGED.items():
        row[column] = detail.pop(former, None)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a row as it is read; one as it is written is so too."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A row: one measured quantity",
        "type": "object",
        "properties": {name: _schema(hint) for name, hint in HINTS.items()},
        "patternProperties": {
            rf"^({'|'.join(FREE)})\.": {"type": ["string", "number", "boolean", "null"]}
        },
        "additionalProperties": False,
        "required": [name for name in HINTS if name in RowRead.__required_keys__],
    }


def _schema(hint: Any) -> dict[str, Any]:
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    types = [JSON_TYPES[kind] for kind in _types(hint)]
    items = {"items": _schema(get_args(hint)[0])} if get_origin(hint) is list else {}
    return {"type": types[0] if len(types) == 1 else types, **items}


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))
