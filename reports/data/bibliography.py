"""References: a small BibTeX reader, and entries as people read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "refs.bib"
SUITE = "equibench"
_ENTRY = re.compile(r"^@(\w+)\s*\{\s*([^,\s]+)\s*,", re.MULTILINE)
_FIELD = re.compile(r"(\w+)\s*=\s*")


@dataclass(frozen=True)
class Reference:
    """One entry: its source text and its fields, braces removed."""

    key: str
    kind: str
    source: str
    fields: Mapping[str, str]

    @property
    def authors(self) -> str:
        """Return `A. Author, B. Author and C. Author`; six or more become `et al.`"""
        names = [_person(name) for name in self.fields.get("author", "").split(" and ")]
        if len(names) > 5:
            return f"{names[0]} et al."
        return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]

    @property
    def venue(self) -> str:
        """Return where it appeared, with volume and pages."""
        f = self.fields
        where = f.get("journal") or f.get("booktitle") or f.get("publisher") or ""
        if not where and f.get("eprint"):
            where = f"arXiv:{f['eprint']}"
        if f.get("journal") and f.get("volume"):
            where += f" {f['volume']}"
        pages = f.get("pages", "").replace("--", "\N{EN DASH}")
        return f"{where}, {pages}" if where and pages else where

    @property
    def url(self) -> str:
        """Return the DOI or arXiv page, or an empty string."""
        if "doi" in self.fields:
            return f"https://doi.org/{self.fields['doi']}"
        return f"https://arxiv.org/abs/{self.fields['eprint']}" if "eprint" in self.fields else ""

    @property
    def short(self) -> str:
        """Return `Author et al. 2024`."""
        people = self.fields.get("author", self.key).split(" and ")
        last = [name.split(",")[0] for name in people]
        if len(last) > 2:
            names = f"{last[0]} et al."
        else:
            names = " and ".join(last)
        return f"{names} {self.fields.get('year', '')}".strip()


def _person(name: str) -> str:
    if "," not in name:
        return name
    last, first = (part.strip() for part in name.split(",", 1))
    initials = " ".join(part if part.endswith(".") else f"{part[0]}." for part in first.split())
    return f"{initials} {last}"


def read(file: Path = FILE) -> dict[str, Reference]:
    """Return the entries of a BibTeX file by key, in its order.

    Raises:
        ValueError: for a key used twice, or braces that do not close; the key is named.
    """
    text = file.read_text(encoding="utf-8")
    found: dict[str, Reference] = {}
    for match in _ENTRY.finditer(text):
        kind, key = match.group(1).lower(), match.group(2)
        end = _closing(text, text.index("{", match.start()), key)
        if key in found:
            raise ValueError(f"{file.name}: two entries have the key {key!r}")
        fields = _fields(text[match.end() : end], key)
        found[key] = Reference(key, kind, text[match.start() : end + 1], fields)
    return found


def _closing(text: str, start: int, key: str) -> int:
    depth = 0
    for position in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return position
    raise ValueError(f"the braces of entry {key!r} do not close")


def _fields(body: str, key: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    position = 0
    while match := _FIELD.search(body, position):
        start = match.end()
        if body[start] == "{":
            position = _closing(body, start, key) + 1
            value = body[start + 1 : position - 1]
        else:
            position = (body + ",").index(",", start)
            value = body[start:position]
        fields[match.group(1).lower()] = re.sub(r"\s+", " ", re.sub(r"[{}]", "", value)).strip()
    return fields


def of_rows(directory: str, sha256: str, machine: str, year: str) -> Reference:
    """Return the entry that cites the rows of a run, by their hash."""
    fields = {
        "author": "{The equibench maintainers}",
        "title": f"Rows of the equibench run {_plain(directory)}, measured on {_plain(machine)}",
        "year": year,
        "note": f"rows.jsonl, SHA-256 {sha256}",
    }
    key = f"equibench-rows-{sha256[:8]}"
    body = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    source = f"@misc{{{key},\n{body}\n}}"
    return Reference(key, "misc", source, {n: v.strip("{}") for n, v in fields.items()})


def _plain(text: str) -> str:
    """Return text without what BibTeX or LaTeX would read as a command."""
    return re.sub(r"[^\w\s.,()+-]", " ", text).replace("_", "-")


def write(references: Iterable[Reference]) -> str:
    """Return a BibTeX file of some entries, in the order of their keys."""
    return "\n\n".join(r.source for r in sorted(references, key=lambda r: r.key)) + "\n"
