"""The table that the page opens with: the best implementation of each operation."""

from __future__ import annotations

from collections.abc import Sequence

from impls.registry import Registry
from reports.data.blocks import Block, judged
from reports.data.expressivity import Expressivity
from reports.data.losses import NOTHING, derivable, lost
from reports.data.results import Result
from reports.data.series import Series, operations
from reports.data.symmetry import asked, broken, words
from reports.data.table import Cell, Column, Table
from reports.data.text import NONE, quantity
from reports.data.words import Words
from reports.tables.catalogue import part

ROWS = 8
"""Operations that the table has: the fastest that keep symmetry, then what breaks one."""


def table(series: Series, can: Expressivity, registry: Registry) -> Table:
    """Return one row an operation, at the size and pass of the headline."""
    size, block = series.headline
    names = Words(registry)
    wanted = asked(block.results)
    best = [found[0] for found in operations(block).values()]
    ranked = sorted(best, key=lambda r: (bool(broken(r, wanted)), r.time or 0.0, r.label))
    said = judged(block)
    rows, records = [], []
    for r in ranked[:ROWS]:
        name = str(r.columns.get("operation"))
        family, gone = r.columns.get("family"), broken(r, wanted)
        loses = lost(registry, name, [words([group]) for group in gone])
        expresses = _expresses(can.dim(r), None if gone else can.full(r))
        right = _right([x for x in block.results if x.columns.get("operation") == name])
        against = "the baseline" if r is block.baseline else str(said.get(r.label) or NONE)
        rows.append(
            [
                Cell(
                    names.operation(name), header=True, href=f"#{part(family, name)}",
                    badge=f"breaks {words(gone)}" if gone else "",
                ),
                Cell(expresses),
                _lines(loses, can.dim(r), can.full(r), derivable(registry, name)),
                Cell(names.implementation(r)),
                Cell(quantity(r.time or 0.0, "s")),
                Cell(against),
                Cell(right),
            ]
        )  # fmt: skip
        records.append(
            {"operation": name, "can_express": expresses, "loses": "; ".join(loses),
             "implementation": r.label, f"{r.clock.probe} [s]": r.time,
             "against_the_baseline": against, "right": right}
        )  # fmt: skip
    columns = [
        Column("Operation"),
        Column("Can express"),
        Column("Loses"),
        Column("Best implementation"),
        Column("Time", numeric=True),
        Column("Against the baseline"),
        Column("Right", numeric=True),
    ]
    return Table("front", _caption(series, block, size, names), columns, rows,
                 _notes(ranked, block, names), records)  # fmt: skip


def _caption(series: Series, block: Block, size: float, names: Words) -> str:
    problem = names.problem(series.first, leave_out=[series.axis])
    at = f", {names.size(series.axis, size)}" if series.axis else ""
    by = "" if block.clock.plain else f", {block.clock.label}"
    return (
        f"The best implementation of each operation, {names.pass_(series.pass_)}{at}{by} "
        f"({problem}); what breaks a symmetry comes last"
    )


def _notes(ranked: Sequence[Result], block: Block, names: Words) -> list[str]:
    notes = []
    if len(ranked) > ROWS:
        notes.append(f"{len(ranked) - ROWS} more operations stand in the table of this problem.")
    if block.baseline is None:
        notes.append("No baseline was timed on this problem.")
    else:
        notes.append(f"The baseline is {names.both(block.baseline)}.")
    return notes


def _expresses(dim: float | None, full: float | None) -> str:
    if dim is None:
        return "not measured"
    if full is None:
        return f"{dim:g} dimensions"
    return f"everything ({dim:g})" if dim == full else f"{dim:g} of {full:g} dimensions"


def _lines(loses: Sequence[str], dim: float | None, full: float | None, derived: bool) -> Cell:
    if loses:
        return Cell("", links=[("", line) for line in loses], below=True)
    known = derived or (dim is not None and dim == full)
    return Cell(NOTHING) if known else Cell(kind="muted", spoken="not known")


def _right(results: Sequence[Result]) -> str:
    judged = [r.right for r in results if r.right is not None]
    return f"{sum(judged)} of {len(judged)}"
