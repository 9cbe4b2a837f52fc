"""What a rule is given, and what it says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.verdict import ROUNDS, Verdict
from impls.registry import Registry
from reports.data.blocks import Block, judged
from reports.data.expressivity import Expressivity
from reports.data.results import Result
from reports.data.series import Series
from reports.data.text import listing
from reports.data.words import Words

ROUNDS_ASKED = re.compile(r"\s--rounds[\s=]+\d+")


@dataclass(frozen=True)
class Sentence:
    """One conclusion: the rule that makes it, and the rows that it rests on.

    `lead` says what for, `text` the answer. What the rows do not carry is not `decided`: then
    `text` says why, and `command` would decide it. `evidence` are anchors of blocks.
    """

    rule: str
    lead: str
    text: str
    evidence: tuple[str, ...] = ()
    decided: bool = True
    command: str = ""

    def __str__(self) -> str:
        """Return the sentence as plain text."""
        tail = f" {self.command}" if self.command else ""
        return f"{self.lead}{'' if self.lead.endswith('?') else ':'} {self.text}{tail}"


@dataclass(frozen=True)
class Question:
    """The series that a page opens with, all others, and what is known of their operations."""

    main: Series
    others: Sequence[Series]
    can: Expressivity
    registry: Registry
    plan: Mapping[str, Any]

    @property
    def words(self) -> Words:
        """Return display names."""
        return Words(self.registry)

    @property
    def size(self) -> float:
        """Return the size at which the answer is given."""
        return self.main.headline[0]

    @property
    def at(self) -> str:
        """Return that size in words: `L = 3`."""
        return self.words.size(self.main.axis, self.size) if self.main.axis else "this size"

    @property
    def asked(self) -> str:
        """Return what was asked, where, by which clock, and how a speed is to be read."""
        first = self.main.first
        problem = self.words.problem(first, leave_out=[self.main.axis])
        sizes = [size for found in self.main.blocks.values() for size in found]
        span = listing(self.words.size(self.main.axis, size) for size in sorted(set(sizes)))
        where = ", ".join(str(first.columns.get(name)) for name in ("dtype", "device"))
        asked = "; ".join(filter(None, [problem, span if self.main.axis else "", where]))
        clock = first.clock
        by = "" if clock.plain else f"Clock: {clock.name}. "
        return (
            f"Asked: {asked}. {by}A speed is the time of what it is held against over its own; in "
            "brackets, what it surely is at least. "
            f"Not replicated: seen in fewer than {ROUNDS} fresh processes."
        )

    def blocks(self) -> list[tuple[str, Block]]:
        """Return the blocks at that size with the words for their pass, the first one first."""
        return [
            (self.words.pass_(name), block)
            for name in self.main.passes
            if (block := self.main.blocks[name].get(self.size))
        ]

    def withheld(self, rule: str, lead: str, why: str, rounds: int, *blocks: Block) -> Sentence:
        """Return a sentence that says why nothing is said, and what would decide it."""
        if any(block.results[0].columns.get("tier.label") for block in blocks):
            return self.missing(rule, lead, f"{why}; its tier has rounds of its own", *blocks)
        more = ROUNDS if rounds < ROUNDS else 2 * rounds
        return Sentence(
            rule,
            lead,
            f"not decided here: {why}; {more} rounds would tell more:",
            tuple(block.anchor for block in blocks),
            decided=False,
            command=self.command(more, *blocks),
        )

    def missing(self, rule: str, lead: str, why: str, *blocks: Block) -> Sentence:
        """Return a sentence that says what was not measured."""
        anchors = tuple(block.anchor for block in blocks)
        return Sentence(rule, lead, f"not decided here: {why}.", anchors, decided=False)

    def command(self, rounds: int, *blocks: Block) -> str:
        """Return what measured some blocks with so many rounds: those that are there count.

        That is each command of a run that they have rows of, else the last one of all.
        """
        commands = self.plan.get("commands") or [self.plan]
        entered = [c for c in commands if isinstance(c, Mapping) and c.get("command")]
        runs = {r.columns.get("run") for block in blocks for r in block.results}
        mine = [c for c in entered if c.get("run") in runs] or entered[-1:]
        lines = [ROUNDS_ASKED.sub("", str(c["command"])) for c in mine] or ["python -m bench run"]
        return " && ".join(f"{line} --rounds {rounds}" for line in dict.fromkeys(lines))


def beside(block: Block, r: Result) -> Verdict | None:
    """Return the verdict on a result against the baseline, as the table of its block has it."""
    return judged(block).get(r.label)


def carried(verdict: Verdict | None) -> bool:
    """Return whether a verdict says anything."""
    return verdict is not None and verdict.kind != "can't tell"


def rounds_of(*results: Result) -> int:
    """Return the least number of rounds of some results."""
    return min((len(r.rounds) for r in results), default=0)
