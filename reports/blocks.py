"""Blocks: the results that may be compared, and their ratios to the baseline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.statistics import ratio_interval
from reports.results import LEVEL, TARGET, TIME, Result
from reports.text import slug

Ratio = tuple[float, float, float]


@dataclass(frozen=True)
class Block:
    """All results of one problem, pass, target and machine: what may be compared."""

    anchor: str
    title: str
    target: str
    results: tuple[Result, ...]

    @property
    def baseline(self) -> Result | None:
        """Return the published baseline with the first name, or None."""
        found = [r for r in self.results if r.published and r.detail.get("baseline") is True]
        return found[0] if found else None

    @property
    def ranked(self) -> list[Result]:
        """Return the results by time; those without a published time come last."""
        done = [r for r in self.results if r.status != "skip"]
        return sorted(
            done, key=lambda r: (not r.published, r.value(TIME) or 0.0, r.status, r.label)
        )


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
    names = ("problem", "pass", *TARGET, "machine", "environment")
    for result in results:
        grouped[tuple(result.columns.get(name) for name in names)].append(result)
    machines = {(r.columns.get("machine"), r.columns.get("environment")) for r in results}
    blocks, used = [], set[str]()
    for key, found in grouped.items():
        c = found[0].columns
        target = (
            f"{c.get('pass')}, {c.get('dtype')}, {c.get('device')}, "
            f"precision {c.get('precision')}, threads {c.get('threads')}"
        )
        if len(machines) > 1:
            target += f", machine {c.get('machine')}, environment {c.get('environment')}"
        anchor = base = slug(f"{key[0]}-{key[1]}-{c.get('device')}")
        while anchor in used:
            anchor = f"{base}-{len(used)}"
        used.add(anchor)
        blocks.append(Block(anchor, title_of(found[0]), target, tuple(found)))
    return blocks


def ratio(baseline: Result, result: Result) -> Ratio | None:
    """Return (time of the baseline / time, lo, hi), paired by what was measured in turn.

    Several rounds are paired by their medians; within a single round the samples are, which the
    implementations of a block give in turn.
    """
    shared = sorted(set(baseline.rounds) & set(result.rounds))
    if not shared or not (baseline.published and result.published):
        return None
    both = [[side.rounds[r] for r in shared] for side in (baseline, result)]
    if len(shared) > 1:
        first, second = ([float(np.median(samples)) for samples in side] for side in both)
    else:
        first, second = (list(side[0]) for side in both)
    if min(first + second) <= 0:
        return None
    return ratio_interval(first, second, level=LEVEL, rng=0)


def best(found: Sequence[Result], by: Callable[[Result], float | None]) -> Result | None:
    """Return the result with the lowest value, or None."""
    known = [(v, r.label, r) for r in found if (v := by(r)) is not None]
    return min(known, key=lambda item: item[:2])[2] if known else None
