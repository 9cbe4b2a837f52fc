"""Files that others may have written or changed: read with one check, and one line when it fails.

A run directory travels between machines and people. Each file of it is read here, or by
`bench.record.rows` with the same checks: a regular file, JSON of finite numbers that is not nested
without end, and of the shape that its reader needs.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REMEDY = "restore it or run `bench run` again"
DEPTH = 40
"""How deeply JSON may be nested; what is written here is nested five deep."""
EXPONENT = re.compile(r"[eE]\+?\d{3}")


@dataclass(frozen=True)
class Each:
    """The shape of an object all of whose values have a shape, whatever their names."""

    shape: Any


@dataclass(frozen=True)
class Maybe:
    """The shape of a value that may be absent."""

    shape: Any


NUMBER = (int, float)
NAMES: Mapping[Any, str] = {
    str: "text", int: "an integer", NUMBER: "a number", bool: "true or false", dict: "an object",
    list: "a list",
}  # fmt: skip
PLAN = {
    "cases": [{"key": str}],
    "profile": Maybe(str),
    "protocol": Maybe(str),
    "created": Maybe(str),
    "commands": Maybe([{"command": Maybe(str)}]),
    "asked": Maybe(dict),
}


def parsed(text: str) -> Any:
    """Return what JSON says.

    Raises:
        ValueError: saying what is wrong with it: no JSON, nested too deeply, or with a number that
            is not finite or has too many digits.
    """
    if _depth(text) > DEPTH:
        raise ValueError("nested too deeply")
    try:
        return (_CAREFUL if _may_be_long(text) else _USUAL).decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg})") from None


def _may_be_long(text: str) -> bool:
    """Return whether a number may be too large: of three digits in its exponent, or of 300.

    So many in a row stand at three places in a row of every hundredth, which is soon looked at.
    """
    if EXPONENT.search(text):
        return True
    return bool(re.search(r"\d{3}", text[::100]) and re.search(r"\d{300}", text))


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")


def _number(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"the number {digits[:20]} is too large")
    return value


def _whole(digits: str) -> int:
    _number(digits)
    return int(digits)


_USUAL = json.JSONDecoder(parse_constant=_refuse)
_CAREFUL = json.JSONDecoder(parse_constant=_refuse, parse_float=_number, parse_int=_whole)


def _depth(text: str) -> int:
    """Return how deeply brackets are nested, at most; those in strings count too."""
    if text.count("[") + text.count("{") <= DEPTH:
        return 0
    depth = deepest = 0
    inside = escaped = False
    for c in text:
        if inside:
            inside, escaped = (escaped or c != '"'), c == "\\" and not escaped
        elif c == '"':
            inside = True
        elif c in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif c in "]}":
            depth -= 1
    return deepest


def read_text(file: Path) -> str:
    """Return the text of a file.

    Raises:
        ValueError: when it is no regular file, or not text.
    """
    try:
        if not file.is_file():
            raise ValueError(f"{file} is not a regular file; {REMEDY}")
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{file} is not text; {REMEDY}") from None
    except OSError as error:
        raise ValueError(f"{file} cannot be read ({error.strerror}); {REMEDY}") from None


def read_json(file: Path, shape: Any = dict, remedy: str = REMEDY) -> dict[str, Any]:
    """Return the JSON object in a file, of a shape: see `misfit`.

    Raises:
        ValueError: when it holds something else; the message names the file and the remedy.
    """
    text = read_text(file)
    try:
        data = parsed(text)
    except ValueError as error:
        raise ValueError(f"{file}: {error}; {remedy}") from None
    wrong = misfit(data, shape)
    if wrong is not None:
        raise ValueError(f"{file}: {wrong}; {remedy}")
    return dict(data)


def read_plan(directory: Path) -> dict[str, Any]:
    """Return `plan.json` of a run directory; {} where there is none.

    Raises:
        ValueError: as `read_json`.
    """
    file = directory / "plan.json"
    return read_json(file, PLAN) if _exists(file) else {}


def _exists(file: Path) -> bool:
    return file.exists() or file.is_symlink()


def misfit(data: Any, shape: Any, where: str = "") -> str | None:
    """Return what of JSON data does not have a shape, else None.

    A shape is a type, a tuple of types, {name: shape} for an object that has at least these names,
    [shape] for a list, Each(shape) for an object of any names, or Maybe(shape).

    >>> misfit({"cases": [{"key": 5}]}, {"cases": [{"key": str}]})
    "'cases[0].key' is not text"
    """
    if isinstance(shape, Maybe):
        return None if data is None else misfit(data, shape.shape, where)
    if isinstance(shape, Each):
        if not isinstance(data, dict):
            return _not(where, dict)
        return _first(misfit(v, shape.shape, _under(where, k)) for k, v in data.items())
    if isinstance(shape, list):
        if not isinstance(data, list):
            return _not(where, list)
        return _first(misfit(v, shape[0], f"{where}[{i}]") for i, v in enumerate(data))
    if isinstance(shape, dict):
        if not isinstance(data, dict):
            return _not(where, dict)
        for name, inner in shape.items():
            if name not in data and not isinstance(inner, Maybe):
                return f"{_under(where, name)!r} is missing"
        return _first(misfit(data.get(n), inner, _under(where, n)) for n, inner in shape.items())
    kinds = shape if isinstance(shape, tuple) else (shape,)
    return None if type(data) in kinds else _not(where, shape)


def _under(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _not(where: str, shape: Any) -> str:
    return f"{where!r} is not {NAMES[shape]}" if where else f"not {NAMES[shape]} of JSON"


def _first(found: Any) -> str | None:
    return next((problem for problem in found if problem is not None), None)
