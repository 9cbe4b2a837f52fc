"""What sections of the page tell of, and what a section is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from markupsafe import Markup

from bench.record.regressions import Regression
from impls.registry import Registry
from reports.conclusions import Question
from reports.data import advice, bibliography, claims, ledger
from reports.data.bibliography import Reference
from reports.data.blocks import Block, blocks_of
from reports.data.expressivity import Expressivity, collect
from reports.data.results import Result, summarise
from reports.data.run import Run
from reports.data.series import Series, leading, series_of
from reports.data.sets import ReportSet
from reports.data.table import Table
from reports.data.words import Words
from reports.figures import curves, pgf, plot
from reports.figures.inline import inline
from reports.figures.style import Look, looks
from reports.tables import catalogue, coverage, methods

CHARTS = 10
"""Line charts that are drawn, those of the most points: of the others the numbers stand beside the
page. With those below, the first figure and that of the couplings a page has at most forty."""
FRONTS, ORBITS, PICTURES = 8, 8, 12
"""What is drawn besides: costs of expressivity, errors on orbits, pictures of single operations."""
SPOTS = 100
"""Problems that the form of a page knows, those with most operations: 300 kilobytes."""


@dataclass(frozen=True)
class Drawn:
    """A line chart with its numbers; `svg` is None where it is one too many to be drawn."""

    figure: curves.Figure
    svg: Markup | None
    table: Table

    @property
    def files(self) -> tuple[str, ...]:
        """Return the files of the drawing, beside the page."""
        kinds = ("svg", "pdf", "tex") if self.svg else ()
        return tuple(f"figures/{self.figure.name}.{kind}" for kind in kinds)


@dataclass
class Story:
    """What sections tell of: a run and what is known of it, each thing worked out once.

    `slow` are the regressions known of its versions; `files` what stands beside the page, by path;
    `scripts` the libraries that the script of the page needs, in their order.
    """

    run: Run
    registry: Registry
    known: ReportSet
    slow: Sequence[Regression] = ()
    files: dict[str, bytes] = field(default_factory=dict)
    scripts: list[str] = field(default_factory=list)

    @cached_property
    def summary(self) -> tuple[list[Result], int]:
        """Return the results, and how many cases were measured again."""
        return summarise(self.run.rows)

    @property
    def results(self) -> list[Result]:
        """Return what each case came to."""
        return self.summary[0]

    @cached_property
    def by_operation(self) -> Mapping[str, list[Result]]:
        """Return the results of each operation."""
        found: dict[str, list[Result]] = defaultdict(list)
        for r in self.results:
            found[str(r.columns.get("operation"))].append(r)
        return found

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
        return coverage.entries(self.run, self.results, self.words)

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
        claimed = [claim.paper for claim in claims.every()]
        keys = {key for key in (*papers, *claimed) if key in self.references} | {*methods.CITED}
        return [self.references[key] for key in sorted(keys)]

    @cached_property
    def ledger(self) -> list[ledger.Judged]:
        """Return the verdict on each claim, by this run and those that were kept for it."""
        kept = ledger.CHECKED_IN
        suite = self.registry.suite
        beside = ledger.sources(ledger.runs_in([kept]), suite) if kept.is_dir() else []
        results = ledger.of_known(self.results, suite)
        blocks = tuple(blocks_of(results))
        mine = ledger.Source("this run", self.run, tuple(results), blocks)
        return ledger.judged(claims.every(), [mine, *beside])

    @cached_property
    def spots(self) -> list[advice.Spot]:
        """Return what advice is taken from: each problem and pass that has times."""
        return advice.grid(self.run, self.blocks, self.can, self.registry, most=SPOTS)

    @property
    def words(self) -> Words:
        """Return display names."""
        return Words(self.registry)

    @cached_property
    def series(self) -> list[Series]:
        """Return each question at all its sizes and passes."""
        return series_of(self.blocks)

    @cached_property
    def question(self) -> Question | None:
        """Return what the page opens with; None where nothing was timed."""
        main = leading(self.series, self.can)
        if main is None:
            return None
        others = [series for series in self.series if series is not main]
        return Question(main, others, self.can, self.registry, self.run.plan)

    @cached_property
    def look(self) -> Mapping[str, Look]:
        """Return how each implementation looks in all figures."""
        return looks(self.results)

    @cached_property
    def charts(self) -> list[Drawn]:
        """Return the line charts of the report sets; CHARTS of them are drawn."""
        every = [
            figure
            for spec in self.known.figures
            for figure in curves.figures_of(spec, self.results, self.can, self.words)
        ]
        largest = sorted(every, key=lambda figure: -figure.size)[:CHARTS]
        drawn = {figure.name for figure in largest}
        return [
            Drawn(
                figure,
                self.keep(
                    figure.name,
                    figure.alt,
                    plot.draw(figure, self.look),
                    pgf.chart(figure, self.look),
                )
                if figure.name in drawn
                else None,
                curves.table(figure),
            )
            for figure in every
        ]

    def keep(self, name: str, alt: str, drawing: plot.Drawing, tex: str = "") -> Markup:
        """Put a figure beside the page, as SVG, PDF and pgfplots; return it for the page."""
        self.files[f"figures/{name}.svg"] = drawing.svg.encode()
        self.files[f"figures/{name}.pdf"] = drawing.pdf
        if tex:
            self.files[f"figures/{name}.tex"] = tex.encode()
        return Markup(inline(drawing.panels, name, alt))


Content = Mapping[str, Any]
"""What the HTML of a section names: tables, drawings, words. Tables have CSV files beside them."""


@dataclass(frozen=True)
class Section:
    """A part of the page: `tell` returns what its HTML names, or None where nothing is to be said.

    `html` is a Jinja template without the heading. It also has the macros `table`, `figure`,
    `h3` and `folding` of `parts.html.j2`, `csv` (paths of tables by name) and `anchor` (of a
    reference). A section is folded under its title and `about`, a line that says what is in it,
    unless it is `open`; what is folded is printed only where it is `printed`.
    """

    order: int
    anchor: str
    title: str
    tell: Callable[[Story], Content | None]
    html: str
    about: str = ""
    open: bool = False
    printed: bool = False
