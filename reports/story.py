"""What sections of the page tell of, and what a section is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from markupsafe import Markup

from bench.record.regressions import Regression
from impls.registry import Registry
from reports.data import bibliography
from reports.data.bibliography import Reference
from reports.data.blocks import Block, blocks_of
from reports.data.expressivity import Expressivity, collect
from reports.data.results import Result, summarise
from reports.data.run import Run
from reports.data.sets import ReportSet
from reports.data.table import Table
from reports.figures import curves, plot
from reports.figures.style import Look, looks
from reports.tables import catalogue, coverage, methods


@dataclass(frozen=True)
class Drawn:
    """A line chart on the page, with its numbers and the files beside it."""

    figure: curves.Figure
    svg: Markup
    table: Table
    files: tuple[str, ...]


@dataclass
class Story:
    """What sections tell of: a run and what is known of it, each thing worked out once.

    `slow` are the regressions known of its versions; `files` what stands beside the page, by path.
    """

    run: Run
    registry: Registry
    known: ReportSet
    slow: Sequence[Regression] = ()
    files: dict[str, bytes] = field(default_factory=dict)

    @cached_property
    def summary(self) -> tuple[list[Result], int]:
        """Return the results, and how many cases were measured again."""
        return summarise(self.run.rows)

    @property
    def results(self) -> list[Result]:
        """Return what each case came to."""
        return self.summary[0]

    @cached_property
    def blocks(self) -> list[Block]:
        """Return the results by problem and pass."""
        return blocks_of(self.results)

    @cached_property
    def can(self) -> Expressivity:
        """Return what operations were seen to express."""
        return collect(self.results, self.known.ignore)

    @cached_property
    def cases(self) -> list[coverage.Entry]:
        """Return every case that was meant, and what became of it."""
        return coverage.entries(self.run, self.results)

    @cached_property
    def about(self) -> list[catalogue.About]:
        """Return what the suite knows of operations."""
        return catalogue.about(self.registry, self.results)

    @cached_property
    def references(self) -> dict[str, Reference]:
        """Return every reference by key."""
        return bibliography.read()

    @cached_property
    def cited(self) -> list[Reference]:
        """Return the references of this page, by key."""
        papers = catalogue.papers(self.registry, self.about, self.results)
        keys = {*(key for key in papers if key in self.references), *methods.CITED}
        return [self.references[key] for key in sorted(keys)]

    @cached_property
    def look(self) -> Mapping[str, Look]:
        """Return how each implementation looks in all figures."""
        return looks(self.results)

    @cached_property
    def charts(self) -> list[Drawn]:
        """Return the line charts of the report sets."""
        return [
            Drawn(
                figure,
                self.keep(figure.name, figure.alt, plot.draw(figure, self.look)),
                curves.table(figure),
                tuple(f"figures/{figure.name}.{kind}" for kind in ("svg", "pdf")),
            )
            for spec in self.known.figures
            for figure in curves.figures_of(spec, self.results, self.can)
        ]

    def keep(self, name: str, alt: str, drawing: tuple[str, bytes]) -> Markup:
        """Put a figure beside the page, as SVG and PDF; return it to stand on the page."""
        svg, pdf = drawing
        self.files[f"figures/{name}.svg"] = svg.encode()
        self.files[f"figures/{name}.pdf"] = pdf
        return Markup(plot.inline(svg, name, alt))


Content = Mapping[str, Any]
"""What the HTML of a section names: tables, drawings, words. Tables have CSV files beside them."""


@dataclass(frozen=True)
class Section:
    """A part of the page: `tell` returns what its HTML names, or None where nothing is to be said.

    `html` is a Jinja template without the heading. It also has the macros `table` and `figure` of
    `parts.html.j2`, `csv` (paths of tables by name) and `anchor` (of a reference).
    """

    order: int
    anchor: str
    title: str
    tell: Callable[[Story], Content | None]
    html: str
