"""The verdict on each claim, computed from rows: never typed, no time from two machines."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from math import inf
from pathlib import Path
from typing import Any

from analysis.catalogue import symbol
from analysis.claims import Finding, Kind, judge, within
from analysis.scaling import exponent
from reports.data.blocks import Block, blocks_of, compared, title_of
from reports.data.claims import FULL, Claim, Test
from reports.data.results import TARGET, Measure, Result, summarise
from reports.data.run import Run, read
from reports.data.text import natural, number, quantity, scientific
from reports.data.words import PASSES

LEAST = 3
"""Sizes that an exponent needs."""
FIRST = "time.first"
COUNTED = ("cost.flops", "cost.bytes")
"""Counts of an operation, whoever computes it."""
PUBLISHED = Path(__file__).resolve().parents[1] / "published"
CHECKED_IN = PUBLISHED / "claims"
"""Runs that were made to decide claims, and are kept."""
ROWS = "rows.jsonl"


@dataclass(frozen=True)
class Source:
    """A run that claims are judged by: its name, its results, and its blocks."""

    name: str
    run: Run
    results: tuple[Result, ...]
    blocks: tuple[Block, ...]

    @cached_property
    def operations(self) -> Mapping[str, list[Result]]:
        """Return the results of each operation by its name."""
        found: dict[str, list[Result]] = defaultdict(list)
        for r in self.results:
            found[str(r.columns.get("operation"))].append(r)
        return found


@dataclass(frozen=True)
class Judged:
    """A claim, the verdict on it, and what was found at each place."""

    claim: Claim
    kind: Kind
    findings: tuple[Finding, ...] = ()

    @property
    def decided(self) -> bool:
        """Return whether rows decide it."""
        return self.kind in ("reproduced", "reproduced in part", "not reproduced")

    @property
    def commands(self) -> list[str]:
        """Return the commands that decide it."""
        return [f"python -m bench {line}" for line in self.claim.measure]


def runs_in(paths: Iterable[Path]) -> list[Path]:
    """Return the run directories at or below some paths.

    Raises:
        ValueError: for a path without any; it is named.
    """
    found = []
    for path in paths:
        below = sorted(file.parent for file in path.rglob(ROWS)) if path.is_dir() else []
        if not below:
            raise ValueError(f"{path} has no run: name a directory made by `bench run`")
        found += below
    return list(dict.fromkeys(found))


def sources(directories: Iterable[Path], known: Container[str] | None = None) -> list[Source]:
    """Return run directories as sources, as far as they are of implementations that are known.

    Without `known` all are: a file of somebody's own must not decide what a paper's operation does.

    Raises:
        ValueError: as `reports.data.run.read`.
    """
    found = []
    for directory in directories:
        run = read(directory)
        results = of_known(summarise(run.rows)[0], known)
        found.append(Source(directory.name, run, tuple(results), tuple(blocks_of(results))))
    return found


def of_known(results: Iterable[Result], known: Container[str] | None) -> list[Result]:
    """Return the results of implementations that are known; without `known` all."""
    return [r for r in results if known is None or r.columns.get("implementation") in known]


def judged(claims: Iterable[Claim], found: Sequence[Source]) -> list[Judged]:
    """Return the verdict on each claim by the rows of some runs."""
    return [_judged(claim, found) for claim in claims]


def counts(ledger: Sequence[Judged]) -> dict[Kind, int]:
    """Return how many claims have each verdict."""
    return dict(Counter(each.kind for each in ledger))


def _judged(claim: Claim, found: Sequence[Source]) -> Judged:
    if not claim.test:
        return Judged(claim, "not testable here")
    findings = [f for test in claim.test for f in _JUDGES[test.of](claim, test, found)]
    return Judged(claim, judge(findings), tuple(findings))


def _matching(claim: Claim, test: Test, results: Iterable[Result]) -> list[Result]:
    wanted = test.operation or claim.operation

    def takes(r: Result) -> bool:
        short = str(r.columns.get("implementation")).partition(".")[2]
        return (
            fnmatchcase(str(r.columns.get("operation")), wanted)
            and fnmatchcase(short, test.implementation)
            and all(_is(r.get(name), value) for name, value in test.select.items())
        )

    return [r for r in results if takes(r)]


def _is(value: Any, wanted: Any) -> bool:
    return value in wanted if isinstance(wanted, list) else bool(value == wanted)


def _in(each: Source, claim: Claim, test: Test) -> list[Result]:
    wanted = test.operation or claim.operation
    named = [rs for name, rs in each.operations.items() if fnmatchcase(name, wanted)]
    return [r for results in named for r in _matching(claim, test, results)]


def _all(claim: Claim, test: Test, found: Sequence[Source]) -> list[Result]:
    return [r for each in found for r in _in(each, claim, test)]


def _values(claim: Claim, test: Test, found: Sequence[Source]) -> Iterator[Finding]:
    """Yield a finding for each value of `by`: all that was measured there must agree."""
    places: dict[Any, list[tuple[Result, Measure]]] = defaultdict(list)
    for r in _all(claim, test, found):
        m = r.measures.get(test.probe)
        if m is not None and m.value is not None and m.status in ("ok", "noisy", "wrong"):
            places[r.get(test.by) if test.by else None].append((r, m))
    if isinstance(test.equals, Mapping):
        places = defaultdict(list, {_key(key): places[_key(key)] for key in test.equals})
    if not places:
        places[None] = []
    for place, measured in sorted(places.items(), key=lambda item: natural(item[0])):
        where = _where(test, place, claim)
        if not measured:
            yield Finding(where, None, f"{test.probe}: not measured")
            continue
        holds = [_holds(test, place, m.value, m.value, m) for _, m in measured]
        said = f"{test.probe} {_range([m.value or 0.0 for _, m in measured])}"
        yield Finding(where, None if None in holds else all(holds), said, _rows(measured))


def _key(text: str) -> Any:
    """Return the value of a facet that a key of a TOML table means."""
    try:
        return int(text)
    except ValueError:
        return text


def _holds(test: Test, place: Any, lo: Any, hi: Any, m: Measure | None = None) -> bool | None:
    wanted: Any = test.equals
    if wanted == FULL:
        wanted = m.detail.get(FULL) if m else None
    elif isinstance(wanted, Mapping):
        wanted = wanted.get(str(place))
    if test.equals is not None:
        return None if wanted is None else bool(lo == wanted == hi)
    least = -inf if test.at_least is None else test.at_least
    most = inf if test.at_most is None else test.at_most
    return within(lo, hi, least, most)


def _where(test: Test, place: Any, claim: Claim) -> str:
    parts = [test.operation] if test.operation and test.operation != claim.operation else []
    parts += [test.implementation] if test.implementation != "*" else []
    parts += [str(v) for v in test.select.values() if isinstance(v, str) and v != "float64"]
    parts += [f"{symbol(k)} = {v}" for k, v in test.select.items() if isinstance(v, int)]
    if place is not None:
        named = place if isinstance(place, str) else f"{symbol(test.by)} = {number(place)}"
        parts.append(named)
    return " ".join(parts) or "as measured"


def _range(values: Sequence[float]) -> str:
    lo, hi = min(values), max(values)
    show = number if float(lo).is_integer() and float(hi).is_integer() else scientific
    return show(lo) if lo == hi else f"{show(lo)} to {show(hi)}"


def _rows(measured: Iterable[tuple[Result, Any]]) -> tuple[str, ...]:
    return tuple(str(r.columns.get("case")) for r, _ in measured)


def _growth(claim: Claim, test: Test, found: Sequence[Source]) -> Iterator[Finding]:
    """Yield a finding for each implementation: how the probe grows along `by`, all else equal.

    A count of the operation is that of all its implementations. Of several series the one with
    most sizes counts.
    """
    along: dict[Any, dict[float, Result]] = defaultdict(dict)
    for each in found:
        for r in _in(each, claim, test):
            size, value = r.get(test.by), _value(r, test.probe)
            if isinstance(size, int | float) and value and value > 0 and size > 0:
                title = title_of(r, leave_out=[test.by, *test.beside])
                at = *(r.columns.get(n) for n in (*TARGET, "machine")), r.columns.get("pass")
                along[r.label, title, at, each.name][float(size)] = r
    longest: dict[str, dict[float, Result]] = {}
    for (label, *_), series in along.items():
        name = label.partition(".")[0] if test.probe in COUNTED else label
        if len(series) >= max(LEAST, len(longest.get(name, ())) + 1):
            longest[name] = series
    if not longest:
        where = _where(test, None, claim)
        yield Finding(where, None, f"{test.probe}: not measured at {LEAST} sizes")
    for name, series in longest.items():
        sizes = sorted(series)
        values = [_value(series[s], test.probe) or 0.0 for s in sizes]
        alpha, lo, hi = exponent(sizes, values)
        said = f"{test.probe} grows as {symbol(test.by)}^{alpha:.2f} [{lo:.2f}, {hi:.2f}]"
        said += f", {symbol(test.by)} {sizes[0]:g} to {sizes[-1]:g}"
        rows = tuple(str(series[s].columns.get("case")) for s in sizes)
        yield Finding(name, _holds(test, None, lo, hi), said, rows)


def _value(r: Result, probe: str) -> float | None:
    return r.time if probe == "time" else r.value(probe)


def _speeds(claim: Claim, test: Test, found: Sequence[Source]) -> Iterator[Finding]:
    """Yield a finding for each block: the fastest beside the fastest of what it is held against.

    Verdicts are for all of them as one table, and each pair counts as chosen from all of its block.
    """
    places = list(_sides(claim, test, found))
    if not places:
        yield Finding(_where(test, None, claim), None, "speed: both not timed in one block")
        return
    chosen = [
        (min(mine, key=lambda r: r.time or inf), min(others, key=lambda r: r.time or inf))
        for *_, mine, others in places
    ]
    among = sum(len(mine) * len(others) for *_, mine, others in places)
    for (each, block, *_), told in zip(places, compared(chosen, among), strict=True):
        a, b, verdict = told.a, told.b, told.verdict
        where = f"{_place(block)} on {each.run.machine}"
        if verdict is None:
            yield Finding(where, None, "no round in common")
            continue
        said = f"{a.label} {quantity(a.time or 0.0, 's')}, {b.label} "
        said += f"{quantity(b.time or 0.0, 's')}: {verdict}{_first_call(a, b)}"
        holds = _holds(test, None, verdict.lo, verdict.hi)
        yield Finding(where, holds, said, _rows([(a, None), (b, None)]))


def _ratios(claim: Claim, test: Test, found: Sequence[Source]) -> Iterator[Finding]:
    """Yield a finding for each block: the least of a probe over the least of what it is beside."""
    seen = False
    for each, block, mine, others in _sides(claim, test, found):
        a, b = _least(mine, test.probe), _least(others, test.probe)
        if a is None or b is None:
            continue
        seen, ratio = True, a[0] / b[0]
        said = f"{a[1].label} over {b[1].label}: {number(ratio)} of {test.probe}"
        where = f"{_place(block)} on {each.run.machine}"
        rows = _rows([(a[1], None), (b[1], None)])
        yield Finding(where, _holds(test, None, ratio, ratio), said, rows)
    if not seen:
        where = _where(test, None, claim)
        yield Finding(where, None, f"{test.probe}: not measured of both in one block")


def _least(results: Iterable[Result], probe: str) -> tuple[float, Result] | None:
    """Return the least value of a probe, or of those whose names it begins, and whose it is."""
    values = [
        (value, r)
        for r in results
        for name in r.measures
        if f"{name}.".startswith(f"{probe}.") and (value := r.value(name))
    ]
    return min(values, key=lambda item: item[0], default=None)


def _sides(
    claim: Claim, test: Test, found: Sequence[Source]
) -> Iterator[tuple[Source, Block, list[Result], list[Result]]]:
    """Yield blocks that have times of both, and the results of both."""
    for each in found:
        for block in each.blocks:
            others = [r for r in block.results if r.published and _held(r, test)]
            mine = _matching(claim, test, block.results)
            mine = [r for r in mine if r.published and r not in others]
            if mine and others:
                yield each, block, mine, others


def _held(r: Result, test: Test) -> bool:
    return any(fnmatchcase(r.label, glob.strip()) for glob in test.against.split(","))


def _place(block: Block) -> str:
    first = block.results[0]
    pass_ = str(first.columns.get("pass"))
    return f"{block.title}, {PASSES.get(pass_, pass_)}"


def _first_call(a: Result, b: Result) -> str:
    """Return what the same speed would be if first calls were counted, where both were timed."""
    first, second = a.value(FIRST), b.value(FIRST)
    return f"; by first calls alone {number(second / first)}×" if first and second else ""


def _timed(claim: Claim, test: Test, found: Sequence[Source]) -> Iterator[Finding]:
    """Yield a finding for each value of `by`: whether anything there has a time, or why not."""
    places: dict[Any, list[Result]] = defaultdict(list)
    for r in _all(claim, test, found):
        places[r.get(test.by) if test.by else None].append(r)
    if not places:
        yield Finding(_where(test, None, claim), None, "not measured")
    for place, measured in sorted(places.items(), key=lambda item: natural(item[0])):
        timed = [r for r in measured if r.published]
        reasons = dict.fromkeys(r.withheld for r in measured if not r.published)
        said = "timed" if timed else f"no time: {next(iter(reasons))}"
        rows = tuple(str(r.columns.get("case")) for r in measured)
        yield Finding(_where(test, place, claim), bool(timed), said, rows)


_JUDGES: Mapping[str, Callable[[Claim, Test, Sequence[Source]], Iterator[Finding]]] = {
    "value": _values,
    "exponent": _growth,
    "speed": _speeds,
    "ratio": _ratios,
    "timed": _timed,
}
