"""How times grow with a size, beside what theory says, and where one overtakes another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from math import isfinite, isnan
from typing import Any

from analysis.catalogue import symbol
from analysis.scaling import crossovers, exponent
from analysis.statistics import Interval
from analysis.verdict import SURE, Verdict
from impls.registry import Registry
from reports.data.blocks import Block, compared, title_of
from reports.data.clocks import Clock, names, telling
from reports.data.results import LEVEL, TARGET, Result
from reports.data.symmetry import asked, broken, words
from reports.data.table import Cell, Column, Table
from reports.data.text import NONE, number, percent
from reports.data.words import Words

LEAST = 3
"""Sizes that an exponent or a crossover needs."""
COUNTED = "cost.flops"
MEMORY = "mem."

Series = list[tuple[float, Result]]
Place = tuple[Any, ...]
"""Target, machine, environment and clock: what must be equal for times to be compared."""


def exponents(blocks: Sequence[Block], registry: Registry) -> Table:
    """Return the exponent of time in each size of all that has LEAST, beside the theory."""
    sure = percent(LEVEL)
    columns = [
        Column("Implementation"),
        Column("Problem"),
        Column("Pass"),
        Column("Size"),
        Column(f"of time [{sure}]", "exponent, measured", True),
        Column(f"of memory [{sure}]", "exponent, measured", True),
        Column(f"of the arithmetic it needs [{sure}]", "exponent, counted", True),
        Column("of its algorithm", "exponent, stated", True),
        Column("so far"),
    ]
    along, read = _series(blocks), Words(registry)
    told = telling(_clocks(along))
    rows, records = [], []
    for (size, label, problem, pass_, _), series in along.items():
        sizes, results = zip(*series, strict=True)
        clock = results[0].clock
        found = exponent(sizes, [r.time or 0.0 for r in results], level=LEVEL)
        source, memory = _memory(sizes, results)
        counted = _exponent(sizes, results, COUNTED)
        stated = _stated(results[0], registry, size)
        verdict = _verdict(found, stated)
        rows.append(
            [
                Cell(read.both(results[0]), header=True),
                Cell(read.problem(results[0], leave_out=[size])),
                Cell(read.pass_(pass_) + told(clock)),
                Cell(f"{symbol(size)} {sizes[0]:g} to {sizes[-1]:g}"),
                _cell(found),
                _cell(memory, source),
                _cell(counted),
                Cell(NONE if stated is None else f"{stated:g}"),
                Cell(verdict),
            ]
        )
        records.append(
            {"implementation": label, "problem": problem, "pass": pass_, "size": size,
             "sizes": len(sizes), "exponent": found.value, "lo": _known(found.lo),
             "hi": _known(found.hi), "memory": source, **_record("memory", memory),
             **_record("counted", counted), "stated": stated, "so far": verdict, **clock.fact}
        )  # fmt: skip
    caption = f"How {names(_clocks(along))} and peak memory grow, on the sizes whose exponent has "
    caption += "settled"
    return Table("exponents", caption, columns, rows, (), records)


def _memory(sizes: Sequence[float], results: Sequence[Result]) -> tuple[str, Interval | None]:
    """Return the source of the peak memory that all results have, and its exponent."""
    for probe in sorted({p for r in results for p in r.measures if p.startswith(MEMORY)}):
        found = _exponent(sizes, results, probe)
        if found is not None:
            return probe, found
    return "", None


def _exponent(sizes: Sequence[float], results: Sequence[Result], probe: str) -> Interval | None:
    """Return the exponent of a probe; None where a result lacks it or has none to speak of."""
    values = [r.value(probe) or 0.0 for r in results]
    return exponent(sizes, values, level=LEVEL) if all(values) else None


def _cell(found: Interval | None, source: str = "") -> Cell:
    if found is None:
        return Cell(kind="muted")
    return Cell(f"{found.value:.2f}", f"{_bounds(found)} {source}".strip(), below=bool(source))


def _record(name: str, found: Interval | None) -> dict[str, float | None]:
    values = [None] * 3 if found is None else [_known(v) for v in found]
    return dict(zip((f"exponent.{name}", f"{name}.lo", f"{name}.hi"), values, strict=True))


def overtakings(blocks: Sequence[Block], registry: Registry) -> Table:
    """Return where one implementation overtakes another of its framework as a size grows.

    Intervals hold together for all pairs at all sizes, whether they may cross or not.
    """
    columns = [
        Column("Problem"),
        Column("Pass"),
        Column("less time below"),
        Column("less time above"),
        Column("at", numeric=True, unit=f"[{percent(SURE)}]"),
    ]
    along, read = _series(blocks), Words(registry)
    told = telling(_clocks(along))
    grouped: dict[Any, dict[str, Series]] = defaultdict(dict)
    for (size, label, problem, pass_, where), series in along.items():
        framework = series[0][1].columns.get("framework")
        grouped[size, problem, pass_, framework, where][label] = series
    verdicts = _verdicts(list(grouped.values()))
    rows, records = [], []
    for (size, problem, pass_, _, where), members in grouped.items():
        clock: Clock = where[-1]
        for (a, first), (b, second) in combinations(members.items(), 2):
            shared = _ratios(first, second, verdicts)
            if len(shared) < LEAST:
                continue
            for at in crossovers(list(shared), list(shared.values())):
                before = shared[max(place for place in shared if place <= at.value)]
                below, above = (a, b) if before[0] > 1 else (b, a)
                named = {label: _named(members, label, read) for label in (a, b)}
                problem_ = read.problem(first[0][1], leave_out=[size])
                head = [Cell(problem_, header=True), Cell(read.pass_(pass_) + told(clock))]
                place = f"{symbol(size)} = {number(float(f'{at.value:.2g}'))}"
                rows.append(
                    [*head, Cell(named[below]), Cell(named[above]), Cell(place, _bounds(at))]
                )
                records.append(
                    {"problem": problem, "pass": pass_, "below": below, "above": above,
                     "size": size, "at": at.value, "lo": at.lo, "hi": at.hi, **clock.fact}
                )  # fmt: skip
    caption = "Where one overtakes another as a size grows, beyond both intervals"
    return Table("overtakings", caption, columns, rows, (), records)


def _named(members: Mapping[str, Series], label: str, read: Words) -> str:
    """Return what an implementation is called, with the symmetries that it breaks."""
    r = members[label][0][1]
    gone = words(broken(r, asked([series[0][1] for series in members.values()])))
    return read.both(r) + (f", breaks {gone}" if gone else "")


def _clocks(along: Mapping[Any, Series]) -> list[Clock]:
    return [series[0][1].clock for series in along.values()]


def _series(blocks: Sequence[Block]) -> dict[tuple[str, str, str, str, Place], Series]:
    """Return published results along each size, where all else is equal and there are enough.

    The keys are (size, label, problem without this size, pass, place).
    """
    found: dict[Any, Series] = defaultdict(list)
    results = [r for block in blocks for r in block.results if r.published]
    for name in dict.fromkeys(name for r in results for name in r.sizes):
        for r in results:
            size = r.sizes.get(name, 0.0)
            if size > 0:
                title = title_of(r, leave_out=[name])
                where = *(r.columns.get(n) for n in (*TARGET, "machine", "environment")), r.clock
                key = name, r.label, title, str(r.columns.get("pass")), where
                found[key].append((size, r))
    return {
        key: sorted(series, key=lambda item: item[0])
        for key, series in found.items()
        if len({size for size, _ in series}) >= LEAST
        and len({size for size, _ in series}) == len(series)
    }


def _may_cross(first: Series, second: Series) -> bool:
    """Return whether there are LEAST sizes of both, and not all samples of one below the other's.

    Where one is below at each size, no ratio lies on the other side of 1: most pairs are told
    apart so, at the price of two comparisons.
    """
    pairs = _shared(first, second)
    ranges = [(_range(a), _range(b)) for _, a, b in pairs]
    return len(pairs) >= LEAST and not (
        all(a[1] < b[0] for a, b in ranges) or all(b[1] < a[0] for a, b in ranges)
    )


def _range(r: Result) -> tuple[float, float]:
    samples = [sample for part in r.rounds.values() for sample in part]
    return min(samples), max(samples)


def _verdicts(groups: Sequence[Mapping[str, Series]]) -> dict[tuple[int, int], Verdict]:
    """Return the verdicts on pairs of a group that may cross, by the ids of both results."""
    every = [pair for members in groups for pair in combinations(members.values(), 2)]
    near = [pair for pair in every if _may_cross(*pair)]
    among = sum(len(_shared(*pair)) for pair in every)
    found = compared([(a, b) for pair in near for _, a, b in _shared(*pair)], among)
    return {(id(each.a), id(each.b)): each.verdict for each in found if each.verdict}


def _shared(first: Series, second: Series) -> list[tuple[float, Result, Result]]:
    """Return (size, result, result) of the sizes of both."""
    others = dict(second)
    return [(size, r, others[size]) for size, r in first if size in others]


def _ratios(
    first: Series, second: Series, told: Mapping[tuple[int, int], Verdict]
) -> dict[float, tuple[float, float, float]]:
    """Return time of the second over the first with its interval, by size."""
    found = {}
    for size, a, b in _shared(first, second):
        known = told.get((id(a), id(b)))
        if known and isfinite(known.hi) and known.lo > 0:
            found[size] = known.speed, known.lo, known.hi
    return found


def _stated(r: Result, registry: Registry, size: str) -> float | None:
    implementation = registry.implementations.get(str(r.columns.get("implementation")))
    operation = registry.operations.get(str(r.columns.get("operation")))
    for known in (implementation, operation):
        if known and size in known.growth.exponents:
            return float(known.growth.exponents[size])
    return None


def _verdict(found: Any, stated: float | None) -> str:
    if stated is None or isnan(found.lo):
        return NONE
    if found.hi < stated:
        return "grows more slowly: fixed costs still count"
    return "grows faster than stated" if found.lo > stated else "as stated"


def _bounds(found: Any) -> str:
    return "" if isnan(found.lo) else f"[{found.lo:.2f}, {found.hi:.2f}]"


def _known(value: float) -> float | None:
    return value if isfinite(value) else None
