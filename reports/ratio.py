"""`python -m reports ratio`: how one implementation of a run compares with another, by problem."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from math import isfinite
from typing import Any

from analysis.verdict import verdicts
from reports.blocks import LEVEL, MARGIN, Block, in_turn, ratio
from reports.results import TIME, Result

MEMORY = "mem.fresh"


def rows(blocks: Sequence[Block], pairs: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return a row for each block and pair (a, b) of labels that it holds.

    `ratio` is the time of a over that of b, by samples taken in turn, with its interval; `verdict`
    is on a, corrected for all rows. A pair without a common round has none, and says why.

    Raises:
        ValueError: for a label that the run does not have.
    """
    labels = {r.label for block in blocks for r in block.results}
    for label in (label for pair in pairs for label in pair):
        if label not in labels:
            close = get_close_matches(label, labels, 3, 0.4)
            raise ValueError(f"the run has no {label!r}; similar: {', '.join(close) or 'none'}")
    found = [
        (block, by[a], by[b])
        for block in blocks
        for by in ({r.label: r for r in block.results},)
        for a, b in pairs
        if a in by and b in by
    ]
    turns = [in_turn(a, b) for _, a, b in found]
    said = iter(verdicts([turn for turn in turns if turn], MARGIN, LEVEL))
    return [
        _row(block, a, b) | ({"verdict": next(said).kind} if turn else {"verdict": None})
        for (block, a, b), turn in zip(found, turns, strict=True)
    ]


def _row(block: Block, a: Result, b: Result) -> dict[str, Any]:
    known = ratio(a, b)
    bounds = [v if isfinite(v) else None for v in known] if known else [None] * 3
    return {
        "problem": block.title,
        "target": block.target,
        "a": a.label,
        "b": b.label,
        "time a": a.value(TIME),
        "time b": b.value(TIME),
        "memory a": _memory(a),
        "memory b": _memory(b),
        "rounds": len(set(a.rounds) & set(b.rounds)),
        **dict(zip(("ratio", "lo", "hi"), bounds, strict=True)),
        "reason": "" if known else a.withheld or b.withheld or "no round in common",
    }


def _memory(r: Result) -> float | None:
    """Return the peak of a fresh process [B], whatever its source on this device."""
    found = [v for p in r.measures if p.startswith(MEMORY) and (v := r.value(p)) is not None]
    return found[0] if found else None
