"""The price of expressivity: what one dimension costs each operation, in every unit measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reports.data.blocks import Block, best
from reports.data.clocks import SAMPLED
from reports.data.expressivity import Expressivity
from reports.data.results import Result
from reports.data.sets import ReportSet
from reports.data.table import Cell, Column, Table
from reports.data.text import number, quantity
from reports.data.words import Words

PRICES = (*SAMPLED, "mem", "cost.flops", "cost.bytes", "energy.gpu")
"""Probes that are divided by the dimension; of memory all, each source apart."""


def table(
    blocks: Sequence[Block], expressivity: Expressivity, known: ReportSet, read: Words
) -> Table:
    """Return, for each block and operation, the least price of one dimension in each unit.

    The least is over the published implementations of the operation, for each unit by itself;
    flops and bytes are those that the operation needs in the forward pass.
    """
    probes = _probes(blocks)
    columns = [
        Column("Problem"),
        Column("Pass"),
        Column("Operation"),
        Column("dim", numeric=True),
        *(
            Column(known.title(p), "for one dimension", numeric=True, about=known.meaning(p))
            for p in probes
        ),
    ]
    rows, records = [], []
    for block in blocks:
        for operation, found in _by_operation(block, expressivity).items():
            dim = expressivity.dim(found[0])
            assert dim is not None
            cells = [Cell(read.problem(found[0]), header=True, href=f"#{block.anchor}")]
            cells += [Cell(read.pass_(block.target.split(", ")[0]))]
            cells += [Cell(read.operation(operation)), Cell(number(dim))]
            record: dict[str, Any] = {"problem": block.title, "target": block.target}
            record |= {"operation": operation, "dim": dim}
            for probe in probes:
                cheapest = best(found, lambda r, probe=probe: r.value(probe))  # type: ignore[misc]
                if cheapest is None:
                    cells.append(Cell(kind="muted"))
                    continue
                price = (cheapest.value(probe) or 0.0) / dim
                unit = cheapest.measures[probe].unit
                who = "" if probe.startswith("cost.") else cheapest.label.split(".", 1)[-1]
                shown = number(price) if unit == "1" else quantity(price, unit)
                name = read.implementation(cheapest) if who else ""
                cells.append(Cell(shown, name, below=True))
                record |= {probe: price} | ({f"{probe} of": cheapest.label} if who else {})
            rows.append(cells)
            records.append(record)
    caption = "What one dimension of expressivity costs, with the implementation that asks least"
    return Table("price", caption, columns, rows, (), records)


def _probes(blocks: Sequence[Block]) -> list[str]:
    """Return the probes that any published result has, in the order of PRICES."""
    found = {p for b in blocks for r in b.results if r.published for p in r.measures}
    return [p for name in PRICES for p in sorted(found) if name in (p, p.split(".")[0])]


def _by_operation(block: Block, expressivity: Expressivity) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for r in block.results:
        if r.published and expressivity.dim(r):
            found.setdefault(str(r.columns.get("operation")), []).append(r)
    return dict(sorted(found.items()))
