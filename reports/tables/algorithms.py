"""Rivals: implementations and options of one operation in one framework, against its fastest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reports.data.blocks import Block, Compared, beside_fastest
from reports.data.clocks import said, telling
from reports.data.results import Result
from reports.data.table import Cell, Column, Table
from reports.data.text import quantity
from reports.data.words import Words


def table(blocks: Sequence[Block], read: Words) -> Table:
    """Return, for each block, operation and framework, how all compare with the fastest.

    Of samples taken in turn; verdicts are for all comparisons of a block as one table.
    """
    columns = [
        Column("Problem"),
        Column("Pass"),
        Column("Fastest"),
        Column("Against it", unit="how many times as fast"),
    ]
    lines: dict[tuple[int, str], list[str]] = {}
    heads: dict[tuple[int, str], tuple[Block, Result]] = {}
    records = []
    for block in blocks:
        for each in beside_fastest(_rivals_of(block)):
            key = id(block), each.b.label
            heads[key] = block, each.b
            lines.setdefault(key, []).append(f"{read.implementation(each.a)}: {_text(each)}")
            records.append(_record(block, each))
    told = telling(block.clock for block in blocks)
    rows = [
        [
            Cell(read.problem(block.results[0]), header=True, href=f"#{block.anchor}"),
            Cell(read.pass_(block.target.split(", ")[0]) + told(block.clock)),
            Cell(read.both(fastest), quantity(fastest.time or 0.0, "s"), below=True),
            Cell("", links=[("", line) for line in lines[key]], below=True),
        ]
        for key, (block, fastest) in heads.items()
    ]
    caption = "The same operation in the same framework: each implementation against the fastest"
    caption += said(block.clock for block in blocks)
    return Table("rivals", caption, columns, rows, (), records)


def _rivals_of(block: Block) -> list[list[Result]]:
    """Return the published results of each operation and framework, by time."""
    groups: dict[Any, list[Result]] = {}
    for r in block.ranked:
        if r.published:
            key = r.columns.get("operation"), r.columns.get("framework")
            groups.setdefault(key, []).append(r)
    return list(groups.values())


def _text(each: Compared) -> str:
    return str(each.verdict) if each.verdict else "no round in common"


def _record(block: Block, each: Compared) -> dict[str, Any]:
    return {
        "problem": block.title,
        "target": block.target,
        "operation": each.a.columns.get("operation"),
        "framework": each.a.columns.get("framework"),
        "fastest": each.b.label,
        f"{each.b.clock.probe} [s]": each.b.time,
        "implementation": each.a.label,
        **each.facts,
    }
