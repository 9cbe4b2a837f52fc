"""Report sets: which figures a page has, and its wording, as data (`sets/*.toml`)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.record.words import of_row, rows
from reports.data.symmetry import words
from reports.data.text import NONE

FOLDER = Path(__file__).resolve().parents[1] / "sets"
REQUIRED = ("name", "title", "select", "x", "y")
OPTIONAL = {
    "operations": "*",
    "per": "",
    "facets": (),
    "columns": "",
    "scale": "log",
    "xlabel": "",
}
JUDGED, CLOCK = "time", "{clock}"
"""As y: the time by the clock that judges. In a title: the first word of that clock."""
SECTIONS = ("figure", "headline", "marks", "expressivity", "probes", "titles")


@dataclass(frozen=True)
class FigureSpec:
    """One `[[figure]]` block; `default.toml` explains the fields."""

    name: str
    title: str
    select: str
    x: str
    y: str
    operations: str
    per: str
    facets: tuple[str, ...]
    columns: str
    scale: str
    xlabel: str


@dataclass(frozen=True)
class ReportSet:
    """All report sets together."""

    figures: tuple[FigureSpec, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()
    probes: Mapping[str, str] = field(default_factory=dict)
    hide: frozenset[str] = frozenset()
    titles: Mapping[str, str] = field(default_factory=dict)

    def title(self, probe: str) -> str:
        """Return what a column of a probe is called; of one without a title its own name."""
        group = probe.removeprefix("equiv.")
        named = self.titles.get(probe)
        return named or (words([group]) if group != probe else probe)

    def meaning(self, probe: str) -> str:
        """Return what a probe measures, in a sentence, or `–`."""
        return self.probes.get(probe) or of_row(probe) or NONE

    def hidden(self, probe: str) -> bool:
        """Return whether a probe is no column beside the times: its name or the start of it."""
        return any(f"{probe}.".startswith(f"{name}.") for name in self.hide)


def read(extra: Iterable[Path] = ()) -> ReportSet:
    """Return the built-in sets and of the given files, in this order.

    Raises:
        ValueError: when a file is missing, is not TOML, or holds a block that is not understood.
    """
    figures: list[FigureSpec] = []
    marks: dict[str, str] = {}
    probes = rows()
    titles: dict[str, str] = {}
    ignore: set[str] = set()
    hide: set[str] = set()
    for file in (*sorted(FOLDER.glob("*.toml")), *extra):
        data = _toml(file)
        figures += [_figure(block, file) for block in data.get("figure", [])]
        marks |= data.get("marks", {})
        probes |= data.get("probes", {})
        titles |= data.get("titles", {})
        ignore |= set(data.get("expressivity", {}).get("ignore", []))
        hide |= set(data.get("headline", {}).get("hide", []))
    names = [figure.name for figure in figures]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two figures have the name {twice[0]!r}: rename one of them")
    return ReportSet(tuple(figures), marks, frozenset(ignore), probes, frozenset(hide), titles)


def _toml(file: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"no such report set: {file}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, IsADirectoryError) as error:
        raise ValueError(f"{file} is not TOML: {error}") from None
    unknown = sorted(set(data) - set(SECTIONS))
    if unknown:
        raise ValueError(f"{file}: unknown section {unknown[0]!r}; known are {SECTIONS}")
    return data


def _figure(block: Mapping[str, Any], file: Path) -> FigureSpec:
    where = f"{file}: figure {block.get('name', '?')!r}"
    missing = [name for name in REQUIRED if name not in block]
    unknown = sorted(set(block) - set(REQUIRED) - set(OPTIONAL))
    if missing:
        raise ValueError(f"{where} has no {missing[0]!r}")
    if unknown:
        raise ValueError(f"{where}: unknown field {unknown[0]!r}; known are {list(OPTIONAL)}")
    values = {**OPTIONAL, **block}
    for name, value in values.items():
        wanted = list | tuple if name == "facets" else str
        if not isinstance(value, wanted):
            raise ValueError(f"{where}: {name!r} is not a {'list' if name == 'facets' else 'text'}")
    if values["scale"] not in ("log", "linear"):
        raise ValueError(f'{where}: scale is "log" or "linear", not {values["scale"]!r}')
    values["facets"] = tuple(str(v) for v in values["facets"])
    return FigureSpec(**values)
