"""Rivals: implementations and options of one operation in one framework, against its fastest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from math import isfinite
from typing import Any

from analysis.verdict import Verdict, verdicts
from reports.blocks import LEVEL, MARGIN, Block, in_turn, ratio
from reports.results import TIME, Result
from reports.tables import Cell, Column, Table
from reports.text import decimals, fixed, quantity

WORDS = {"slower": "slower", "faster": "faster", "same": "the same", "ambiguous": "undecided"}


def table(blocks: Sequence[Block]) -> Table:
    """Return, for each block, operation and framework, how much longer than the fastest all take.

    Ratios are of samples taken in turn; verdicts are corrected for all comparisons of a block.
    """
    columns = [
        Column("Problem"),
        Column("Pass"),
        Column("Fastest"),
        Column("Against it", unit="ratio of times [95 %], verdict"),
    ]
    lines: dict[tuple[int, str], list[str]] = {}
    heads: dict[tuple[int, str], tuple[Block, Result]] = {}
    records = []
    for block, fastest, other, verdict in chain.from_iterable(map(_judged, blocks)):
        key = id(block), fastest.label
        heads[key] = block, fastest
        lines.setdefault(key, []).append(f"{other.label}: {_text(fastest, other, verdict)}")
        records.append(_record(block, fastest, other, verdict))
    rows = [
        [
            Cell(block.title, header=True, href=f"#{block.anchor}"),
            Cell(block.target.split(", ")[0]),
            Cell(fastest.label, quantity(fastest.value(TIME) or 0.0, "s"), below=True),
            Cell("", links=[("", line) for line in lines[key]], below=True),
        ]
        for key, (block, fastest) in heads.items()
    ]
    caption = "The same operation in the same framework: each implementation against the fastest"
    return Table("rivals", caption, columns, rows, (), records)


def _judged(block: Block) -> Iterator[tuple[Block, Result, Result, Verdict | None]]:
    """Yield (block, fastest, other, verdict on other) for all that have a rival."""
    groups: dict[Any, list[Result]] = {}
    for r in block.ranked:
        if r.published:
            key = r.columns.get("operation"), r.columns.get("framework")
            groups.setdefault(key, []).append(r)
    duels = [(group[0], other) for group in groups.values() for other in group[1:]]
    pairs = [in_turn(other, fastest) for fastest, other in duels]
    said = iter(verdicts([pair for pair in pairs if pair], MARGIN, LEVEL))
    for (fastest, other), pair in zip(duels, pairs, strict=True):
        yield block, fastest, other, next(said) if pair else None


def _text(fastest: Result, other: Result, verdict: Verdict | None) -> str:
    found = ratio(other, fastest)
    if found is None or verdict is None:
        return "no round in common"
    value, lo, hi = found
    places = min(decimals(value), 2)
    bounds = f" [{fixed(lo, places)}, {fixed(hi, places)}]" if isfinite(lo) else ""
    return f"{fixed(value, places)}×{bounds}, {WORDS[verdict.kind]}"


def _record(
    block: Block, fastest: Result, other: Result, verdict: Verdict | None
) -> dict[str, Any]:
    found = ratio(other, fastest)
    bounds = [v if isfinite(v) else None for v in found] if found else [None] * 3
    return {
        "problem": block.title,
        "target": block.target,
        "operation": other.columns.get("operation"),
        "framework": other.columns.get("framework"),
        "fastest": fastest.label,
        f"{TIME} [s]": fastest.value(TIME),
        "implementation": other.label,
        **dict(zip(("ratio", "lo", "hi"), bounds, strict=True)),
        "rounds": len(set(fastest.rounds) & set(other.rounds)),
        "verdict": verdict.kind if verdict else None,
        "p": verdict.p if verdict else None,
    }
