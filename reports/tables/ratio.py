"""`python -m reports ratio`: how one implementation of a run compares with another, by problem."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from reports.data.blocks import Block, Compared, compared


def rows(blocks: Sequence[Block], pairs: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return a row for each block and pair (a, b) of labels that it holds.

    `verdict` is on a with b as its reference, by the `clock` that judges the block, and `speed` how
    many times as fast a is, with the interval that decides: for all rows as one table. A pair
    without a common round has none, and says why.

    Raises:
        ValueError: for a label that the run does not have.
    """
    known(blocks, pairs)
    found = [
        (block, by[a], by[b])
        for block in blocks
        for by in ({r.label: r for r in block.results},)
        for a, b in pairs
        if a in by and b in by
    ]
    return [
        {
            "problem": block.title,
            "target": block.target,
            "a": each.a.label,
            "b": each.b.label,
            "clock": block.clock.probe,
            "time a": each.a.time,
            "time b": each.b.time,
            "memory a": each.a.memory,
            "memory b": each.b.memory,
            **each.facts,
            "said": str(each.verdict) if each.verdict else "",
            "reason": "" if each.verdict else _reason(each),
        }
        for (block, _, _), each in zip(found, compared([pair[1:] for pair in found]), strict=True)
    ]


def known(blocks: Sequence[Block], pairs: Sequence[tuple[str, str]]) -> None:
    """Refuse a label that no result has.

    Raises:
        ValueError: for such a label, with similar ones.
    """
    labels = {r.label for block in blocks for r in block.results}
    for label in (label for pair in pairs for label in pair):
        if label not in labels:
            close = get_close_matches(label, labels, 3, 0.4)
            raise ValueError(f"the run has no {label!r}; similar: {', '.join(close) or 'none'}")


def _reason(each: Compared) -> str:
    return each.a.withheld or each.b.withheld or "no round in common"
