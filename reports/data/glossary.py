"""The glossary: what words of the page mean, and where they stand in it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markupsafe import Markup, escape

FILE = Path(__file__).resolve().parents[1] / "glossary.toml"


@dataclass(frozen=True)
class Term:
    """A word, its other forms, and what it means."""

    name: str
    means: str
    also: tuple[str, ...] = ()

    @property
    def forms(self) -> tuple[str, ...]:
        """Return the word in all its forms."""
        return self.name, *self.also


@cache
def terms() -> tuple[Term, ...]:
    """Return the terms by name.

    Raises:
        ValueError: for a form that two terms have.
    """
    blocks = tomllib.loads(FILE.read_text(encoding="utf-8"))["term"]
    found = [Term(b["name"], b["means"], tuple(b.get("also", ()))) for b in blocks]
    forms = [form for term in found for form in term.forms]
    twice = sorted({form for form in forms if forms.count(form) > 1})
    if twice:
        raise ValueError(f"{FILE.name}: two terms have the form {twice[0]!r}")
    return tuple(sorted(found, key=lambda term: term.name.lower()))


@cache
def _forms() -> tuple[dict[str, Term], re.Pattern[str]]:
    by_form = {str(escape(form)): term for term in terms() for form in term.forms}
    longest = sorted(by_form, key=lambda form: -len(form))
    return by_form, re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest))})(?!\w)")


def explained(text: str) -> Markup:
    """Return text as HTML in which the first place of each term says what it means."""
    by_form, pattern = _forms()
    seen: set[str] = set()

    def mark(match: re.Match[str]) -> str:
        term = by_form[match[0]]
        if term.name in seen:
            return match[0]
        seen.add(term.name)
        return f'<abbr title="{escape(term.means)}">{match[0]}</abbr>'

    return Markup(pattern.sub(mark, str(escape(text))))
