"""The page: everything it shows, and the files beside it, in memory."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench.record.regressions import Regression
from impls.registry import Registry
from reports.conclusions import conclude
from reports.data import bibliography
from reports.data.glossary import explained
from reports.data.libraries import script
from reports.data.run import Run
from reports.data.sets import ReportSet
from reports.data.table import Table, to_csv, within
from reports.data.text import slug, unbroken
from reports.data.words import STATUSES
from reports.figures.style import PALETTE
from reports.sections import sections
from reports.story import Drawn, Story
from reports.tables import catalogue, coverage, methods, overview

TEMPLATES = Path(__file__).parent / "templates"
PARTS = '{% from "parts.html.j2" import table, figure, undrawn, h3, folding %}\n'
CELLS = 16_000
"""Cells of all tables of a page, about 1.6 megabytes: what is beyond stands in the CSV files."""


@dataclass
class Page:
    """The HTML, the files beside it by path, and the verdict in a few lines of text."""

    html: str
    verdict: tuple[str, ...] = ()
    files: dict[str, bytes] = field(default_factory=dict)


def make(run: Run, registry: Registry, known: ReportSet, slow: Sequence[Regression] = ()) -> Page:
    """Return the page of a run, with the regressions known of its versions (`slow`).

    The same run gives the same bytes.
    """
    story = Story(run, registry, known, slow)
    told = [(section, section.tell(story)) for section in sections()]
    contents = [(section, content) for section, content in told if content is not None]
    csv = {}
    tables = [list(_tables(content)) for _, content in contents]
    for table in chain.from_iterable(tables):
        if table.records:
            csv[table.name] = f"tables/{table.name}.csv"
            story.files[csv[table.name]] = to_csv(table.records).encode()
    rows = bibliography.of_rows(run.directory.resolve().name, run.sha256, run.machine, run.year)
    entries = [*story.cited, story.references[bibliography.SUITE], rows]
    story.files["methods.bib"] = bibliography.write(
        list({reference.key: reference for reference in entries}.values())
    ).encode()
    counts = overview.counts(
        story.results, sum(entry.status == coverage.NOT_RUN for entry in story.cases)
    )
    undrawn = {chart.table.name for chart in story.charts if chart.svg is None}
    shown = within(([t for t in part if t.name not in undrawn] for part in tables), CELLS)
    environment = _environment(shown)
    rendered = [
        (section, Markup(environment.from_string(PARTS + section.html).render(content, csv=csv)))
        for section, content in contents
    ]
    style, scripts = _css(), [*story.scripts, script()]
    allowed = " ".join(_hash(text) for text in scripts)
    html = environment.get_template("page.html.j2").render(
        policy=Markup(
            f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; base-uri 'none'"
        ),
        banner=methods.banner(run, story.results),
        counts=[
            *overview.reached(story.results, len(story.registry.operations)),
            *((STATUSES.get(name, name), n) for name, n in counts if name != "timed"),
        ],
        kicker=methods.kicker(run),
        sections=rendered,
        scripts=[Markup(text) for text in scripts],
        style=Markup(style),
        suite=story.references[bibliography.SUITE],
        warnings=run.warnings,
    )
    verdict = (*overview.verdict(counts, story.blocks, story.can, story.words), *_concluded(story))
    return Page(html, verdict, story.files)


def _concluded(story: Story) -> list[str]:
    """Return what may be concluded, a sentence a line."""
    if story.question is None:
        return []
    decided, withheld = conclude(story.question)
    return [*(f"{n}. {s}" for n, s in enumerate(decided, 1)), *(f"?  {s}" for s in withheld)]


def _tables(content: Any) -> Iterator[Table]:
    """Yield the tables in what sections tell, however they are grouped."""
    if isinstance(content, Table):
        yield content
    elif isinstance(content, Drawn):
        yield content.table
    elif isinstance(content, Mapping):
        yield from _tables(list(content.values()))
    elif isinstance(content, list | tuple):
        for part in content:
            yield from _tables(part)


def _css() -> str:
    light = "".join(f"--series-{i}:{a};" for i, (a, _) in enumerate(PALETTE))
    dark = "".join(f"--series-{i}:{b};" for i, (_, b) in enumerate(PALETTE))
    text = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    return text.replace("/* series: light */", light).replace("/* series: dark */", dark)


def _hash(text: str) -> str:
    """Return what a content security policy calls a script or style sheet by."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _environment(rows_shown: Mapping[str, int]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["anchor"] = catalogue.anchor
    environment.globals["unbroken"] = unbroken
    environment.globals["explained"] = explained
    environment.globals["rows_shown"] = rows_shown
    environment.globals["heading_id"] = _Headings()
    return environment


class _Headings:
    """Names headings by their text, each once."""

    def __init__(self) -> None:
        self.used: Counter[str] = Counter()

    def __call__(self, text: str) -> str:
        name = f"h3-{slug(text)}"
        self.used[name] += 1
        return name if self.used[name] == 1 else f"{name}-{self.used[name]}"
