"""Series: one question at all its sizes and passes, and the one that a page opens with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.verdict import ROUNDS
from impls.registry import Registry
from reports.data.blocks import Block, best, title_of
from reports.data.expressivity import Expressivity
from reports.data.losses import derivable, lost
from reports.data.results import TARGET, Result
from reports.data.symmetry import keeping

FORWARD = "fwd"


@dataclass(frozen=True)
class Series:
    """Blocks of one clock that differ in pass and main size `axis` alone: by pass, by size."""

    axis: str
    blocks: Mapping[str, Mapping[float, Block]]

    @property
    def first(self) -> Result:
        """Return a result, for what all share."""
        return next(iter(next(iter(self.blocks.values())).values())).results[0]

    @property
    def pass_(self) -> str:
        """Return the pass that is told first: the forward one, where it was run."""
        return FORWARD if FORWARD in self.blocks else next(iter(self.blocks))

    @property
    def headline(self) -> tuple[float, Block]:
        """Return the size, the largest at which most operations were timed, and its block."""
        sizes = self.blocks[self.pass_]
        return max(sizes.items(), key=lambda item: (len(operations(item[1])), item[0]))

    @property
    def passes(self) -> list[str]:
        """Return the passes, the first one first."""
        return sorted(self.blocks, key=lambda name: (name != self.pass_, name))


def series_of(blocks: Sequence[Block]) -> list[Series]:
    """Return the series of a run in the order of its blocks."""
    found: dict[Any, dict[str, dict[float, Block]]] = defaultdict(lambda: defaultdict(dict))
    for block in blocks:
        r = block.results[0]
        axis = next(iter(r.sizes), "")
        where = tuple(str(r.columns.get(n)) for n in (*TARGET, "machine", "environment"))
        key = title_of(r, leave_out=[axis]), axis, where, block.clock
        found[key][str(r.columns.get("pass"))][r.sizes.get(axis, 0.0)] = block
    return [
        Series(key[1], {name: dict(sorted(sizes.items())) for name, sizes in passes.items()})
        for key, passes in found.items()
    ]


def operations(block: Block) -> dict[str, list[Result]]:
    """Return the published results of each operation, by time."""
    found: dict[str, list[Result]] = defaultdict(list)
    for r in block.ranked:
        if r.published:
            found[str(r.columns.get("operation"))].append(r)
    return found


def leading(found: Sequence[Series], can: Expressivity) -> Series | None:
    """Return the series that a page opens with, or None where nothing was timed.

    That is one in which operations that express different amounts can be compared; of these the
    best replicated, then the one with most operations, then with most results.
    """

    def rank(series: Series) -> tuple[bool, int, int, int]:
        _, block = series.headline
        timed = [r for r in block.results if r.published]
        dims = {d for r in keeping(timed) if (d := can.dim(r)) is not None}
        rounds = min((len(r.rounds) for r in timed), default=0)
        everything = [r for b in _blocks(series) for r in b.results if r.published]
        return len(dims) > 1, min(rounds, ROUNDS), len(operations(block)), len(everything)

    timed = [s for s in found if any(r.published for b in _blocks(s) for r in b.results)]
    return max(timed, key=rank, default=None)


def _blocks(series: Series) -> list[Block]:
    return [block for sizes in series.blocks.values() for block in sizes.values()]


def quickest(found: Sequence[Result]) -> Result | None:
    """Return who needs least time of these."""
    return best(found, lambda r: r.time)


def whole(block: Block, can: Expressivity, registry: Registry) -> list[Result]:
    """Return those that keep every symmetry and express every map that the problem asks for.

    Where that was not measured, it is derived from the coefficients of the operation.
    """
    return [r for r in keeping(block.results) if _all(r, can, registry) is True]


def partial(block: Block, can: Expressivity, registry: Registry) -> list[Result]:
    """Return those that keep every symmetry and express less than the problem asks for."""
    return [r for r in keeping(block.results) if _all(r, can, registry) is False]


def _all(r: Result, can: Expressivity, registry: Registry) -> bool | None:
    """Return whether a result expresses all that is asked for; None where that is not known."""
    dim, full = can.dim(r), can.full(r)
    if dim is not None:
        return None if full is None else dim == full
    name = str(r.columns.get("operation"))
    return not lost(registry, name) if derivable(registry, name) else None
