"""The fastest of each framework beside other packages, and beside its next best algorithm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from impls.registry import Registry
from reports.data import clocks, roofline
from reports.data.blocks import Block, Compared, compared, pairs_of
from reports.data.results import Result
from reports.data.table import Cell, Column, Table
from reports.data.text import NONE, number, quantity
from reports.data.words import FRAMEWORKS, Words


def peer(r: Result, registry: Registry) -> bool:
    """Return whether an implementation calls another package for what it computes."""
    known = registry.implementations.get(str(r.columns.get("implementation")))
    return known is not None and bool(known.requires)


def table(
    blocks: Sequence[Block], calibration: Mapping[str, Any], registry: Registry, read: Words
) -> Table:
    """Return, for each question that a peer answers too and each framework, how the fastest fares.

    Its reference is the fastest peer of any framework, and the next is the fastest other algorithm
    of its own. All verdicts are those of one table, of all pairs that these were chosen from.
    `floor` is how many times as long it takes as the machine could not do without.
    """
    found = [
        (block, operation, framework, results)
        for block in blocks
        for operation in _operations(block, registry)
        for framework, results in _by_framework(block, operation).items()
    ]
    lines, pairs, among = [], list[tuple[Result, Result]](), 0
    for block, operation, framework, results in found:
        ours = [r for r in results if not peer(r, registry)]
        peers = [r for r in _published(block, operation) if peer(r, registry)]
        if not (ours and peers):
            continue
        best = min(ours, key=_time)
        others = [min(peers, key=_time), *sorted((r for r in ours if r is not best), key=_time)[:1]]
        lines.append((block, operation, framework, best, others))
        pairs += [(best, other) for other in others]
        among += len(ours) * len(peers) + pairs_of(len(ours), len(ours))
    said = iter(compared(pairs, among))
    rows, records = [], []
    for block, operation, framework, best, others in lines:
        beside = [next(said) for _ in others]
        bound = roofline.share(best, block.ranked, calibration)
        floor = 1 / bound[0] if bound and bound[0] else None
        memory = best.memory, others[0].memory
        rows.append(
            [
                Cell(read.problem(best), header=True, href=f"#{block.anchor}"),
                Cell(read.pass_(block.target.split(", ")[0])),
                Cell(FRAMEWORKS.get(framework, framework), read.implementation(best), below=True),
                Cell(quantity(best.time or 0.0, "s")),
                _said(beside[0], read),
                _said(beside[1], read) if len(beside) > 1 else Cell(NONE, kind="muted"),
                Cell(NONE if floor is None else f"{number(float(f'{floor:.2g}'))}×"),
                Cell(_ratio(*memory)),
            ]
        )
        records.append(
            {"problem": block.title, "target": block.target, "operation": operation,
             "framework": framework, "fastest": best.label, "time": best.time,
             "peer": others[0].label, "time peer": others[0].time, **beside[0].facts,
             "said": str(beside[0].verdict or ""),
             "next": others[1].label if len(others) > 1 else None,
             "said next": str(beside[1].verdict or "") if len(beside) > 1 else "",
             "floor": floor, "memory": memory[0], "memory peer": memory[1]}
        )  # fmt: skip
    columns = [
        Column("Problem"),
        Column("Pass"),
        Column("Fastest of the suite"),
        Column("time of one call", numeric=True),
        Column("beside the fastest peer", about="speed, and what it is beside"),
        Column("beside its next algorithm", about="of the same framework"),
        Column("above the floor", numeric=True, about="times the least that it could take"),
        Column("peak memory, peer's by it", numeric=True),
    ]
    caption = (
        "The fastest of the suite's own implementations in each framework, beside other packages"
    )
    caption += clocks.said(block.clock for block, *_ in lines)
    return Table("other-packages", caption, columns, rows, (), records)


def _operations(block: Block, registry: Registry) -> list[str]:
    """Return the operations of a block that a published peer answers."""
    found = {str(r.columns.get("operation")) for r in block.results if peer(r, registry)}
    return sorted(found)


def _by_framework(block: Block, operation: str) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for r in _published(block, operation):
        found.setdefault(str(r.columns.get("framework")), []).append(r)
    return dict(sorted(found.items(), reverse=True))


def _published(block: Block, operation: str) -> list[Result]:
    return [r for r in block.results if r.published and r.columns.get("operation") == operation]


def _time(r: Result) -> tuple[float, str]:
    return r.time or 0.0, r.label


def _said(found: Compared, read: Words) -> Cell:
    return Cell(str(found.verdict or NONE), read.implementation(found.b), below=True)


def _ratio(own: float | None, other: float | None) -> str:
    return f"{number(float(f'{other / own:.2g}'))}×" if own and other else NONE
