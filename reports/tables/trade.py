"""What is not dominated: at each price, the most that can be expressed, or the best accuracy.

What breaks a symmetry that the problem asks for is no choice, and dominates nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log10
from typing import Any

from analysis.pareto import front
from reports.data.blocks import Block
from reports.data.clocks import said, telling
from reports.data.expressivity import Expressivity
from reports.data.results import Result
from reports.data.symmetry import keeping
from reports.data.table import Cell, Column, Table
from reports.data.text import number, quantity, scientific
from reports.data.words import Words


def table(blocks: Sequence[Block], expressivity: Expressivity, read: Words) -> Table:
    """Return, for each problem and pass, who is not dominated in expressivity and in accuracy."""
    columns = [
        Column("Problem"),
        Column("Pass"),
        Column("Not dominated in expressivity", unit="dim and time, by growing time"),
        Column("Not dominated in accuracy", unit="error and time, by growing time"),
    ]
    told = telling(block.clock for block in blocks)
    rows, records = [], []
    for block in blocks:
        done = keeping(block.results)
        expressive = _front(done, expressivity.dim)
        accurate = _front(done, _digits)
        if not expressive and not accurate:
            continue
        pass_ = block.target.split(", ")[0]
        rows.append(
            [
                Cell(read.problem(block.results[0]), header=True, href=f"#{block.anchor}"),
                Cell(read.pass_(pass_) + told(block.clock)),
                _listed(read, expressive, lambda r: f"dim {number(expressivity.dim(r))}"),
                _listed(read, accurate, lambda r: f"error {scientific(_error(r))}"),
            ]
        )
        records += [
            {"problem": block.title, "pass": pass_, "front": kind, "implementation": r.label,
             f"{r.clock.probe} [s]": r.time, "dim": expressivity.dim(r), "error": _error(r)}
            for kind, members in (("expressivity", expressive), ("accuracy", accurate))
            for r in members
        ]  # fmt: skip
    caption = "Who is not dominated: nothing else in the same problem that keeps its symmetry "
    caption += "takes less time and gives more" + said(block.clock for block in blocks)
    return Table("trade", caption, columns, rows, (), records)


def _front(done: Sequence[Result], value: Callable[[Result], float | None]) -> list[Result]:
    known = [(r, t, v) for r in done if (t := r.time) and (v := value(r)) is not None]
    return [known[i][0] for i in front([(t, v) for _, t, v in known])]


def _error(r: Result) -> float | None:
    found = [m.value for p, m in r.measures.items() if p.startswith("error.")]
    known = [value for value in found if value is not None]
    return max(known, default=None)


def _digits(r: Result) -> float | None:
    """Return how many digits are right, to a tenth: smaller differences of errors are chance."""
    error = _error(r)
    return None if error is None or error <= 0 else round(-log10(error), 1)


def _listed(read: Words, members: Sequence[Result], what: Callable[[Result], str]) -> Cell:
    if not members:
        return Cell(kind="muted")
    links: list[Any] = [
        ("", f"{read.both(r)}: {quantity(r.time or 0.0, 's')}, {what(r)}") for r in members
    ]
    return Cell("", links=links, below=True)
