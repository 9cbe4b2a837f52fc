"""`reports cite`: one comparison of a run, ready for a paper: figure, table, sentences, BibTeX."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from bench.commands.command import Command, Help
from impls import registry
from reports.commands.directory import add_directory
from reports.data import bibliography, sets
from reports.data.blocks import blocks_of
from reports.data.expressivity import collect
from reports.data.results import Result, summarise
from reports.data.run import Run, read
from reports.data.sets import JUDGED, FigureSpec
from reports.data.words import Words
from reports.figures import curves, pgf, plot
from reports.figures.style import looks
from reports.tables import comparison
from reports.tables.comparison import Place

INCHES = {"in": 1.0, "cm": 1 / 2.54, "mm": 1 / 25.4, "pt": 1 / 72.27}


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    add_directory(parser)
    parser.add_argument(
        "--pair", nargs=2, action="append", required=True, metavar=("A", "B"), dest="pairs",
        help="names as on the page, options included (may be repeated): A is held against B",
    )  # fmt: skip
    parser.add_argument(
        "--select", default="", metavar="WHICH", help="only some problems: pass=fwd,lmax=3"
    )
    parser.add_argument(
        "--x", default="", metavar="SIZE", help="the size along which it is told, such as lmax"
    )
    parser.add_argument(
        "--y", default="", metavar="CLOCK",
        help="time.host, time.kernels or time.device (default: the clock that judges)",
    )  # fmt: skip
    parser.add_argument("--width", metavar="LENGTH", help="of the figure: 3.25in, 8.5cm, 246pt")
    for name, what in (
        ("figure", "the figure, as PDF or SVG by its suffix"),
        ("pgf", "the figure as pgfplots"),
        ("table", "the table in LaTeX, for booktabs and siunitx"),
        ("sentence", "methods and result in plain text (default: printed)"),
        ("bib", "BibTeX of the methods, the suite and the rows"),
    ):
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"write {what}")


def _inches(text: str | None) -> float | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d*)?)\s*(in|cm|mm|pt)", text)
    if not found:
        raise ValueError(f"--width {text!r}: write a length such as 3.25in, 8.5cm or 246pt")
    return float(found[1]) * INCHES[found[2]]


def _run(arguments: argparse.Namespace) -> int:
    if arguments.figure and arguments.figure.suffix not in (".pdf", ".svg"):
        raise ValueError(f"--figure {arguments.figure}: name a file that ends with .pdf or .svg")
    width = _inches(arguments.width)
    run = read(arguments.directory)
    results, _ = summarise(run.rows)
    found = comparison.places(blocks_of(results), arguments.pairs, arguments.select, arguments.y)
    known, references = registry.load([]), bibliography.read()
    read_as = Words(known)
    x = comparison.axis(found, arguments.x)
    suite = references[bibliography.SUITE]
    can = collect(results, sets.read().ignore)
    made: dict[Path, bytes] = {}
    if arguments.figure or arguments.pgf:
        figure = _figure(found, x, results, read_as)
        look = looks(results)
        if arguments.pgf:
            made[arguments.pgf] = pgf.chart(figure, look, width).encode()
        if arguments.figure:
            svg, pdf, _ = plot.draw(figure, look, width)
            made[arguments.figure] = pdf if arguments.figure.suffix == ".pdf" else svg.encode()
    if arguments.table:
        made[arguments.table] = comparison.table(found, x, read_as).encode()
    said = comparison.sentence(found, x, run, can, known, suite.fields.get("version", ""))
    if arguments.sentence:
        made[arguments.sentence] = said.encode()
    else:
        print(said, end="")
    if arguments.bib:
        made[arguments.bib] = _bib(found, run, references, known).encode()
    for file, content in made.items():
        file.write_bytes(content)
        print(f"wrote {file}")
    return 0


def _bib(
    found: Sequence[Place],
    run: Run,
    references: dict[str, bibliography.Reference],
    known: registry.Registry,
) -> str:
    papers = [references[key] for key in comparison.papers(found, known) if key in references]
    rows = bibliography.of_rows(run.directory.resolve().name, run.sha256, run.machine, run.year)
    return bibliography.write([*papers, references[bibliography.SUITE], rows])


def _figure(
    found: Sequence[Place], x: str, results: Sequence[Result], read: Words
) -> curves.Figure:
    """Return the one figure of a comparison: time against `x`, a panel for each pass.

    Raises:
        ValueError: when there is no size to draw it against, or more than one question.
    """
    if not x:
        raise ValueError("this problem has no size to draw it against: leave the figure out")
    spec = FigureSpec("comparison", "Comparison", "*", x, JUDGED, "*", "", (), "pass", "log", "")
    ours = [r for p in found for r in (p.a, p.b)]
    kept = list({id(r): r for r in ours}.values())
    figures = curves.figures_of(spec, kept, collect(results, frozenset()), read)
    if len(figures) != 1:
        titles = "; ".join(figure.title for figure in figures)
        raise ValueError(
            f"--figure: the pair was measured in {len(figures)} questions that do not share a "
            f"figure ({titles}): name one with --select, for example setting=mimo,batch=100"
        )
    return figures[0]


COMMAND = Command(
    "cite",
    "Write one comparison of a run for a paper: figure, LaTeX table, methods sentences, BibTeX.",
    Help(
        examples=(
            "python -m reports cite reports/out/quick --figure speed.pdf --pair gaunt.torch_grid "
            "gaunt.torch_lebedev",
        ),
        gives=(
            "The files that are asked for of one comparison: figure, LaTeX table, sentences "
            "on methods and BibTeX, all of the same rows."
        ),
        then=("python -m reports ratio prints the same comparison, problem by problem."),
    ),
    _add,
    _run,
)
