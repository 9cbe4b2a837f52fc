"""What the words of rows mean, for people: statuses, and quantities by probe (`words.toml`)."""

from __future__ import annotations

import fnmatch
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("words.toml")


@dataclass(frozen=True)
class Meaning:
    """What a status means, and what to do then: nothing, or a sentence with NAME and DIR in it."""

    means: str
    then: str


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def statuses() -> dict[str, Meaning]:
    """Return what each status means."""
    return {name: Meaning(**words) for name, words in _words()["status"].items()}


def rows() -> dict[str, str]:
    """Return what each quantity is, by its name; a `*` stands for the rest of one."""
    return dict(_words()["rows"])


def of_row(probe: str) -> str | None:
    """Return what a quantity is, in a sentence; None for one that has no words.

    >>> of_row("equiv.inversion").partition(" over ")[2].partition(";")[0]
    'elements of inversion'
    """
    known = rows()
    for name in (probe, *known):
        if name in known and fnmatch.fnmatchcase(probe, name):
            return known[name].replace("*", probe.removeprefix(name.removesuffix("*")))
    return None
