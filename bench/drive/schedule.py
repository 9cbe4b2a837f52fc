"""In which order blocks are measured, and what is not tried any more.

Blocks are shuffled, so that nothing systematic (a machine that warms up, a neighbour that wakes)
falls on one kind of problem. Only problems that differ in nothing but size keep their order, from
small to large: then a failure at one size answers for the larger ones.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from bench.ask.plan import Planned
from bench.record.case import PASSES, Case
from impls.problem import BYTES
from impls.registry import Registry

FAULTS = ("crash", "timeout", "error")
"""What counts towards quarantine."""
QUARANTINE = 3
"""After this many faults in a row an implementation is left alone for the rest of a run."""
SPREADING = ("oom", "timeout", "crash")
"""What a larger problem of the same kind would end in too."""
CRASHES = 2
"""So many crashes at smaller sizes answer for a larger one: one may have come from outside."""


def sizes(case: Case, registry: Registry) -> tuple[Any, Mapping[str, float]]:
    """Return (kind, sizes): cases of one kind differ in nothing but the numbers in sizes."""
    facets = registry.family(case.problem.family).facets(case.problem)
    numbers = {name: float(v) for name, v in facets.items() if isinstance(v, int | float)}
    numbers["bytes"] = float(BYTES[case.problem.dtype])
    numbers["pass"] = float(PASSES.index(case.pass_))
    names = tuple(sorted((name, str(v)) for name, v in facets.items() if name not in numbers))
    kind = case.problem.family, names, tuple(sorted(numbers)), case.target
    return kind, numbers


def larger(case: Case, failed: Case, registry: Registry) -> bool:
    """Return whether `case` is `failed` at the same or a larger size in every respect."""
    same = ("implementation", "mode", "options", "knobs")
    if any(getattr(case, name) != getattr(failed, name) for name in same):
        return False
    (kind, mine), (other, theirs) = sizes(case, registry), sizes(failed, registry)
    return kind == other and all(mine[name] >= theirs[name] for name in theirs)


def shuffled(
    blocks: Sequence[Sequence[Planned]], registry: Registry, seed: str
) -> list[Sequence[Planned]]:
    """Return the blocks in random order, those of one kind from small to large."""
    rng = random.Random(seed)
    chains: dict[Any, list[tuple[tuple[float, ...], int]]] = {}
    for number, block in enumerate(blocks):
        kind, numbers = sizes(block[0].case, registry)
        rank = tuple(value for _, value in sorted(numbers.items()))
        chains.setdefault(kind, []).append((rank, number))
    turns = [kind for kind, chain in chains.items() for _ in chain]
    rng.shuffle(turns)
    queues = {kind: iter(sorted(chain)) for kind, chain in chains.items()}
    return [blocks[next(queues[kind])[1]] for kind in turns]
