"""The page: everything it shows, and the files beside it, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from impls.registry import Registry
from reports.data import bibliography, expressivity
from reports.data.blocks import blocks_of
from reports.data.clocks import HOST
from reports.data.results import summarise
from reports.data.run import Run
from reports.data.sets import ReportSet
from reports.data.table import Table, to_csv
from reports.figures import couplings, curves, front, orbits, plot
from reports.figures.style import PALETTE, looks
from reports.tables import (
    algorithms,
    catalogue,
    coverage,
    growth,
    headline,
    methods,
    overview,
    price,
    regressions,
    trade,
)

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Drawn:
    """A figure on the page, with its numbers."""

    figure: curves.Figure
    svg: Markup
    table: Table
    files: tuple[str, ...]


@dataclass
class Page:
    """The HTML, the files beside it by path, and the verdict in a few lines of text."""

    html: str
    verdict: tuple[str, ...] = ()
    files: dict[str, bytes] = field(default_factory=dict)


def make(
    run: Run,
    registry: Registry,
    known: ReportSet,
    slow: Sequence[regressions.Regression] = (),
) -> Page:
    """Return the page of a run, with the regressions known of its versions (`slow`).

    The same run gives the same bytes.
    """
    results, superseded = summarise(run.rows)
    blocks = blocks_of(results)
    can = expressivity.collect(results, known.ignore)
    references = bibliography.read()
    about = catalogue.about(registry, results)
    keys = [k for k in catalogue.papers(registry, about, results) if k in references]
    keys = sorted({*keys, *methods.CITED})
    cases = coverage.entries(run, results)
    files: dict[str, bytes] = {}

    def keep(name: str, alt: str, drawing: tuple[str, bytes]) -> Markup:
        svg, pdf = drawing
        files[f"figures/{name}.svg"], files[f"figures/{name}.pdf"] = svg.encode(), pdf
        return Markup(plot.inline(svg, name, alt))

    look = looks(results)
    drawn = [
        Drawn(
            figure,
            keep(figure.name, figure.alt, plot.draw(figure, look)),
            curves.table(figure),
            tuple(f"figures/{figure.name}.{kind}" for kind in ("svg", "pdf")),
        )
        for spec in known.figures
        for figure in curves.figures_of(spec, results, can)
    ]
    coupled = couplings.maps(registry)
    fronts = [
        (figure, keep(figure.name, figure.alt, front.draw(figure, look)))
        for figure in front.figures(results, can)
    ]
    orbited = [
        (shown, keep(shown.name, shown.alt, orbits.draw(shown.found)))
        for shown in orbits.orbits(results)
    ]

    context: dict[str, Any] = {
        "fronts": fronts,
        "orbits": orbited,
        "couplings": coupled and keep("couplings", couplings.alt(coupled), couplings.draw(coupled)),
        "banner": methods.banner(run, results),
        "counts": overview.counts(results, sum(e.status == coverage.NOT_RUN for e in cases)),
        "paragraphs": methods.paragraphs(run, results, blocks),
        "probes": methods.probes_table(results, known),
        "facts": [
            *methods.facts_tables("machine", run.machines),
            *methods.facts_tables("environment", run.environments),
        ],
        "regressions": regressions.table(slow) if slow else None,
        "turns": all(block.clock.probe == HOST.probe for block in blocks),
        "overview": overview.table(blocks, can, known),
        "trade": trade.table(blocks, can),
        "price": price.table(blocks, can),
        "rivals": algorithms.table(blocks),
        "exponents": growth.exponents(blocks, registry),
        "overtakings": growth.overtakings(blocks),
        "headlines": [
            (title, [headline.table(b, can, known, run.peaks) for b in group])
            for title, group in groupby(blocks, lambda b: b.title)
        ],
        "figures": [d for d in drawn if not d.figure.ratio],
        "ratio_figures": [d for d in drawn if d.figure.ratio],
        "catalogue": catalogue.table(about, can, references),
        "expressivity": expressivity.table(can, known),
        "coverage": coverage.matrix(cases),
        "reasons": coverage.reasons(cases),
        "provenance": methods.provenance(run),
        "warnings": run.warnings,
        "superseded": superseded,
        "statistics": [references[k] for k in methods.CITED],
        "kicker": methods.kicker(run),
        "references": [references[k] for k in keys],
        "suite": references[bibliography.SUITE],
        "run": run,
        "style": Markup(_css()),
        "csv": {},
    }
    for table in _tables(context):
        if table.records:
            path = f"tables/{table.name}.csv"
            files[path] = to_csv(table.records).encode()
            context["csv"][table.name] = path
    files["methods.bib"] = bibliography.write(
        [references[k] for k in {*keys, bibliography.SUITE}]
    ).encode()
    verdict = overview.verdict(context["counts"], blocks, can)
    return Page(_render(context), verdict, files)


def _tables(context: Mapping[str, Any]) -> list[Table]:
    names = (
        "overview",
        "catalogue",
        "trade",
        "price",
        "rivals",
        "exponents",
        "overtakings",
        "coverage",
    )
    found = [context[name] for name in names]
    found += [context[name] for name in ("expressivity", "regressions") if context[name]]
    found += [table for _, group in context["headlines"] for table in group]
    return found + [d.table for d in (*context["figures"], *context["ratio_figures"])]


def _css() -> str:
    light = "".join(f"--series-{i}:{a};" for i, (a, _) in enumerate(PALETTE))
    dark = "".join(f"--series-{i}:{b};" for i, (_, b) in enumerate(PALETTE))
    text = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    return text.replace("/* series: light */", light).replace("/* series: dark */", dark)


def _render(context: Mapping[str, Any]) -> str:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["anchor"] = catalogue.anchor
    return environment.get_template("page.html.j2").render(context)
