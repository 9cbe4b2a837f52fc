"""Blocks: the results that may be compared, and how fast they are beside the baseline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from analysis.verdict import Comparison, Verdict, in_turn, verdicts
from reports.data.clocks import Clock
from reports.data.results import BLOCK, Result
from reports.data.text import slug


@dataclass(frozen=True)
class Block:
    """All results of one problem, pass, target, protocol and machine: what may be compared."""

    anchor: str
    title: str
    target: str
    results: tuple[Result, ...]

    @property
    def baseline(self) -> Result | None:
        """Return the published baseline with the first name, in its fastest mode, or None."""
        return min(self.baselines, key=lambda r: (r.time or 0.0, r.label), default=None)

    @property
    def baselines(self) -> list[Result]:
        """Return the modes of which the baseline is the fastest."""
        found = [r for r in self.results if r.published and r.detail.get("baseline") is True]
        first = min(map(_modeless, found), default="")
        return [r for r in found if _modeless(r) == first]

    @property
    def clock(self) -> Clock:
        """Return the clock that judges all results of the block."""
        return self.results[0].clock

    @property
    def ranked(self) -> list[Result]:
        """Return the results by time; those without a published time come last."""
        done = [r for r in self.results if r.status != "skip"]
        return sorted(done, key=lambda r: (not r.published, r.time or 0.0, r.status, r.label))


def _modeless(r: Result) -> str:
    return r.label.removesuffix(f" ({r.columns.get('mode')})")


def title_of(result: Result, leave_out: Sequence[str] = ()) -> str:
    """Return the facets of a problem in words: `product: mimo, o3, lmax 3, batch 1000`."""
    facets = [
        str(v) if isinstance(v, str) else f"{k} {v}"
        for k, v in result.facets.items()
        if k not in leave_out
    ]
    seed = result.columns.get("seed")
    if seed:
        facets.append(f"seed {seed}")
    return f"{result.columns.get('family')}: {', '.join(facets) or 'one problem'}"


def blocks_of(results: Sequence[Result]) -> list[Block]:
    """Return the blocks of a run in the order of the results."""
    grouped: dict[tuple[Any, ...], list[Result]] = defaultdict(list)
    for result in results:
        grouped[tuple(result.columns.get(name) for name in BLOCK)].append(result)
    machines = {(r.columns.get("machine"), r.columns.get("environment")) for r in results}
    draws = {r.columns.get("draws") for r in results}
    protocols = {r.columns.get("protocol") for r in results}
    blocks, used = [], set[str]()
    for key, found in grouped.items():
        c = found[0].columns
        target = (
            f"{c.get('pass')}, {c.get('dtype')}, {c.get('device')}, "
            f"precision {c.get('precision')}, threads {c.get('threads')}"
        )
        if c.get("tier.label"):
            target += f", {c['tier.label']}"
        if len(machines) > 1:
            target += f", machine {c.get('machine')}, environment {c.get('environment')}"
        if len(draws) > 1:
            target += f", arrays as drawn in version {c.get('draws') or 1}"
        if len(protocols) > 1:
            target += f", protocol {c.get('protocol')}"
        anchor = base = slug(f"{key[0]}-{key[1]}-{c.get('device')}")
        while anchor in used:
            anchor = f"{base}-{len(used)}"
        used.add(anchor)
        blocks.append(Block(anchor, title_of(found[0]), target, tuple(found)))
    return blocks


def judged(block: Block) -> dict[str, Verdict]:
    """Return the verdict on each result against the baseline, by label, for the block as a table.

    Those without a round in common with the baseline have none.
    """
    baseline = block.baseline
    if baseline is None:
        return {}
    among = pairs_of(sum(r.published for r in block.results), len(block.baselines))
    found = compared([(r, baseline) for r in block.results if r is not baseline], among)
    return {each.a.label: each.verdict for each in found if each.verdict}


def beside_fastest(groups: Sequence[Sequence[Result]]) -> list[Compared]:
    """Return how all of each group compare with its first, the fastest; verdicts are for all."""
    pairs = [(other, group[0]) for group in groups for other in group[1:]]
    return compared(pairs, sum(pairs_of(len(group), len(group)) for group in groups))


def pairs_of(n: int, references: int) -> int:
    """Return how many pairs n results have with those of them that may be the reference.

    That is of how many those with the fastest of some references were chosen.

    >>> pairs_of(5, 1), pairs_of(5, 5)
    (4, 10)
    """
    return references * n - references * (references + 1) // 2


@dataclass(frozen=True)
class Compared:
    """The verdict on a against b; None without a round in common."""

    a: Result
    b: Result
    verdict: Verdict | None

    @property
    def facts(self) -> dict[str, Any]:
        """Return what is known, for a record."""
        return {**facts(self.verdict), "rounds": self.verdict.rounds if self.verdict else 0}


def facts(found: Verdict | None) -> dict[str, Any]:
    """Return a verdict as a record; a bound that there is not is None.

    `speed` is how many times as fast as its reference something is, `seen` the least difference
    that would have been called one.
    """
    if found is None:
        return dict.fromkeys(("speed", "speed.lo", "speed.hi", "verdict", "replicated", "seen"))
    known = isfinite(found.hi)
    return {
        "speed": found.speed,
        "speed.lo": found.lo if known else None,
        "speed.hi": found.hi if known else None,
        "verdict": found.kind,
        "replicated": found.replicated,
        "seen": found.seen if known else None,
    }


def compared(pairs: Sequence[tuple[Result, Result]], among: int = 0) -> list[Compared]:
    """Return how the first of each pair compares with the second; verdicts are for the table.

    `among` is of how many pairs these were chosen by their times.
    """
    turns = [taken_in_turn(a, b) for a, b in pairs]
    said = iter(verdicts([turn for turn in turns if turn], among=among))
    return [
        Compared(a, b, next(said) if turn else None)
        for (a, b), turn in zip(pairs, turns, strict=True)
    ]


def taken_in_turn(a: Result, b: Result) -> Comparison | None:
    """Return the samples of two published results in their common rounds, see `in_turn`.

    On the device they are taken case by case, and paired by their order only.

    Raises:
        ValueError: for results that are judged by two clocks.
    """
    if a.clock.probe != b.clock.probe:
        raise ValueError(f"{a.label} is timed by {a.clock.name}, {b.label} by {b.clock.name}")
    return in_turn(a.rounds, b.rounds) if a.published and b.published else None


def best(found: Sequence[Result], by: Callable[[Result], float | None]) -> Result | None:
    """Return the result with the lowest value, or None."""
    known = [(v, r.label, r) for r in found if (v := by(r)) is not None]
    return min(known, key=lambda item: item[:2])[2] if known else None
