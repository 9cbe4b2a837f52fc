"""The short answers: for each problem, the lowest time, and the lowest at full expressivity.

Symmetry is the first filter: what breaks one that the problem asks for is named apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from reports.data.blocks import Block, best
from reports.data.clocks import Clock, names, telling
from reports.data.expressivity import Expressivity
from reports.data.results import Result
from reports.data.sets import ReportSet
from reports.data.symmetry import asked, broken, keeping, words
from reports.data.table import Cell, Column, Table
from reports.data.text import NONE, number, quantity
from reports.data.words import STATUSES, Words
from reports.tables.headline import LAUNCHES, mark

ANY = "Lowest time that keeps every symmetry asked for"
MOST = "Lowest time among those that express most"


def table(
    blocks: Sequence[Block], expressivity: Expressivity, known: ReportSet, read: Words
) -> Table:
    """Return one row per problem and pass."""
    shared, target_of = _targets(blocks)
    told = telling(block.clock for block in blocks)
    columns = [
        Column("Problem"),
        Column("Pass"),
        *(Column("implementation", ANY), Column("time", ANY, True), Column("dim", ANY, True)),
        *(Column("implementation", MOST), Column("time", MOST, True), Column("dim", MOST, True)),
        Column("Takes less time, but breaks"),
        Column("timed of run", "", True),
    ]
    rows, records = [], []
    for block in blocks:
        done = [r for r in block.results if r.published]
        fastest, richest = winners(block, expressivity)
        cheats = breakers(block, fastest)
        run = [r for r in block.results if r.status != "skip"]
        rows.append(
            [
                Cell(read.problem(block.results[0]), header=True, href=f"#{block.anchor}"),
                Cell(_pass(target_of(block), read) + told(block.clock)),
                *_cells(fastest, expressivity, known, read),
                *_cells(richest, expressivity, known, read),
                Cell(
                    "",
                    links=[("", line) for line in breakers(block, fastest, read.both)],
                    below=True,
                )
                if cheats
                else Cell(kind="muted"),
                Cell(f"{len(done)} of {len(run)}"),
            ]
        )
        records.append(
            {"problem": block.title, "target": block.target}
            | _record("lowest", fastest, block.clock, expressivity)
            | _record("most_expressive", richest, block.clock, expressivity)
            | {"breaks_symmetry": "; ".join(cheats), "timed": len(done), "run": len(run)}
        )
    clocks = names(block.clock for block in blocks)
    caption = f"The lowest median {clocks} of each problem and pass, of what keeps its symmetry"
    caption += f" ({shared})" if shared else ""
    notes = [f"{LAUNCHES} {line}." for line in launch_bound(blocks)]
    if any(_short_of_all(block, expressivity) for block in blocks):
        notes.append(
            "Where even those that express most have a dim `of` more, what expresses everything "
            "was not timed in this run."
        )
    return Table("overview", caption, columns, rows, notes, records)


def winners(block: Block, expressivity: Expressivity) -> tuple[Result | None, Result | None]:
    """Return who needs least time, and who does of those that express most.

    Both keep every symmetry that the problem asks for.
    """
    sound = keeping(block.results)
    dims = [d for r in sound if (d := expressivity.dim(r)) is not None]
    full = [r for r in sound if dims and expressivity.dim(r) == max(dims)]
    return best(sound, _time), best(full, _time)


def _pass(target: str, read: Words) -> str:
    first, comma, rest = target.partition(", ")
    return read.pass_(first) + comma + rest


def breakers(
    block: Block, fastest: Result | None, called: Callable[[Result], str] = lambda r: r.label
) -> list[str]:
    """Return who would need less time, and which symmetry that the problem asks for it breaks."""
    wanted = asked(block.results)
    return [
        f"{called(r)} {quantity(r.time, 's')}: {words(gone)}"
        for r in block.ranked
        if r.published
        and r.time is not None
        and (gone := broken(r, wanted))
        and (fastest is None or r.time < (fastest.time or 0.0))
    ]


def _targets(blocks: Sequence[Block]) -> tuple[str, Callable[[Block], str]]:
    """Return what all blocks share, for the caption, and what is said of each."""
    parts = [block.target.split(", ") for block in blocks]
    same = [p for p in (parts[0] if parts else []) if all(p in other for other in parts)]
    shared = ", ".join(p for p in same if parts and p != parts[0][0])

    def own(block: Block) -> str:
        first, *others = block.target.split(", ")
        return ", ".join([first, *(p for p in others if p not in same)])

    return shared, own


def launch_bound(blocks: Sequence[Block]) -> list[str]:
    """Return how many cases wait for the host, and what removes that; nothing where none does."""
    known = [r.launch_bound for block in blocks for r in block.results]
    judged = [bound for bound in known if bound is not None]
    if not any(judged):
        return []
    return [
        f"{sum(judged)} of {len(judged)} are launch-bound: the host cannot feed the device this "
        "fast; CUDA graphs or larger batches remove it"
    ]


def _time(r: Result) -> float | None:
    return r.time


def _cells(
    r: Result | None, expressivity: Expressivity, known: ReportSet, read: Words
) -> list[Cell]:
    if r is None:
        return [Cell(kind="muted")] * 3
    time = r.time
    return [
        Cell(read.both(r), badge=mark(r, known)),
        Cell(
            NONE if time is None else quantity(time, "s"),
            marks=LAUNCHES if r.launch_bound else "",
        ),
        Cell(number(expressivity.dim(r)), _of(r, expressivity)),
    ]


def _of(r: Result, expressivity: Expressivity) -> str:
    """Return `of 30` where more could be expressed than the result does."""
    dim, full = expressivity.dim(r), expressivity.full(r)
    return f"of {full:g}" if full and dim is not None and dim < full else ""


def _short_of_all(block: Block, expressivity: Expressivity) -> bool:
    richest = winners(block, expressivity)[1]
    return bool(richest and _of(richest, expressivity))


def _record(
    name: str, r: Result | None, clock: Clock, expressivity: Expressivity
) -> dict[str, Any]:
    return {
        f"{name}.implementation": r.label if r else None,
        f"{name}.{clock.probe} [s]": r.time if r else None,
        f"{name}.expressivity.dim": expressivity.dim(r) if r else None,
    }


def counts(results: Sequence[Result], not_run: int) -> list[tuple[str, int]]:
    """Return how many cases have each status, the timed ones first."""
    found = Counter(r.status for r in results if not r.published and r.status != "ok")
    untimed = sum(1 for r in results if not r.published and r.status == "ok")
    listed = [("timed", sum(1 for r in results if r.published)), ("withheld", untimed)]
    listed += sorted(found.items())
    return [(name, n) for name, n in [*listed, ("not run", not_run)] if n or name == "timed"]


def reached(results: Sequence[Result], known: int) -> list[tuple[str, str]]:
    """Return what was compared, how much of it was right, and as precise as was asked.

    `known` is how many operations the suite has.
    """
    ran = [r for r in results if r.status != "skip"]
    judged = [r for r in ran if r.right is not None]
    timed = [r for r in ran if r.published]
    operations = {r.columns.get("operation") for r in ran}
    return [
        ("operations compared", f"{len(operations)} of {max(known, len(operations))}"),
        ("implementations", str(len({r.columns.get("implementation") for r in ran}))),
        ("results right", f"{sum(bool(r.right) for r in judged)} of {len(judged)}"),
        (
            "times as precise as asked",
            f"{sum(r.status == 'ok' for r in timed)} of {len(timed)}",
        ),
    ]


LINES = 8
"""Problems that the verdict speaks of: the largest of each family, setting and symmetry."""


def verdict(
    counted: Sequence[tuple[str, int]],
    blocks: Sequence[Block],
    expressivity: Expressivity,
    read: Words,
) -> tuple[str, ...]:
    """Return the counts, what is launch-bound, and of the largest problems who needs least time."""
    largest: dict[tuple[Any, ...], Block] = {}
    for block in blocks:
        first = block.results[0]
        kind = first.columns.get("family"), first.get("setting"), first.get("symmetry")
        if any(r.published for r in block.results):
            largest[(*kind, first.get("graph"), first.get("pass"), first.get("device"))] = block
    became = ", ".join(f"{n} {STATUSES.get(name, name)}" for name, n in counted)
    lines = [became, *launch_bound(blocks)]
    told = telling(block.clock for block in blocks)
    shown = list(largest.values())
    for block in shown[:LINES]:
        fastest, richest = winners(block, expressivity)
        first = block.results[0]
        pass_ = read.pass_(first.columns.get("pass")) + told(block.clock)
        line = f"{read.problem(first)}, {pass_}: {_named(fastest, expressivity, read)}"
        if richest is not None and richest is not fastest:
            dim = expressivity.dim(richest)
            line += f"; of those with {dim:g} dimensions: {_named(richest, expressivity, read)}"
        lines.append(line)
    if len(shown) > LINES:
        lines.append(f"and {len(shown) - LINES} more on the page")
    return tuple(lines)


def _named(r: Result | None, expressivity: Expressivity, read: Words) -> str:
    if r is None:
        return "nothing keeps every symmetry asked for"
    dim = expressivity.dim(r)
    of = _of(r, expressivity)
    shown = f" ({' '.join(filter(None, [f'{dim:g}', of, 'dimensions']))})" if dim else ""
    return f"{read.both(r)}, {quantity(r.time or 0.0, 's')}{shown}"
