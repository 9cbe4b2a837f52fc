"""One comparison for a paper: its table in LaTeX, and its methods in a few sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from analysis.verdict import ROUNDS, SURE
from impls.registry import Registry
from reports.data.blocks import Block, Compared, compared
from reports.data.clocks import HOST, JUDGES, SAMPLED, Clock
from reports.data.expressivity import Expressivity
from reports.data.latex import escaped
from reports.data.results import LEVEL, Result
from reports.data.run import Run
from reports.data.text import count, decimals, listing, power, scale_of, scientific
from reports.data.words import Words
from reports.tables import methods
from reports.tables.ratio import known

SI = {"s": "\\second", "ms": "\\milli\\second", "µs": "\\micro\\second", "ns": "\\nano\\second"}


@dataclass(frozen=True)
class Place:
    """One row of the table: where both were measured, and how the first compares."""

    block: Block
    compared: Compared

    @property
    def a(self) -> Result:
        """Return the first of the pair."""
        return self.compared.a

    @property
    def b(self) -> Result:
        """Return the second, its reference."""
        return self.compared.b

    @property
    def said(self) -> str:
        """Return the verdict in words, or why there is none."""
        none = self.a.withheld or self.b.withheld or "no round in common"
        return str(self.compared.verdict or none)


def places(
    blocks: Sequence[Block], pairs: Sequence[tuple[str, str]], select: str = "", clock: str = ""
) -> list[Place]:
    """Return every place where both of a pair have a time, as one table of verdicts.

    `select` narrows by columns and facets (`pass=fwd,lmax=3`), `clock` names another one than that
    which judges the block.

    Raises:
        ValueError: for a label that the run lacks, a selection that leaves nothing, or a clock by
            which a result of a pair was not timed.
    """
    known(blocks, pairs)
    found = [
        (block, by[a], by[b])
        for block in blocks
        for by in ({r.label: r for r in block.results},)
        for a, b in pairs
        if a in by and b in by and by[a].published and by[b].published and _fits(by[a], select)
    ]
    if not found:
        names = listing(f"{a} and {b}" for a, b in pairs)
        where = f" with {select}" if select else ""
        raise ValueError(f"no problem{where} has times of both {names}: `reports ratio` lists all")
    if clock:
        found = [(block, _by(a, clock), _by(b, clock)) for block, a, b in found]
    told = compared([(a, b) for _, a, b in found])
    return [Place(block, each) for (block, _, _), each in zip(found, told, strict=True)]


def _fits(r: Result, select: str) -> bool:
    conditions = [part.partition("=") for part in select.split(",") if part.strip()]
    for name, equals, _ in conditions:
        if not equals:
            raise ValueError(f"--select {select!r}: write NAME=VALUE, for example pass=fwd,lmax=3")
        if r.get(name.strip()) is None:
            names = ", ".join(["pass", "dtype", "device", *r.facets])
            raise ValueError(f"--select {select!r}: no column {name.strip()!r}; there are {names}")
    return all(
        fnmatchcase(str(r.get(name.strip())), value.strip()) for name, _, value in conditions
    )


def _by(r: Result, probe: str) -> Result:
    """Return a result judged by another clock."""
    clocks = (HOST, *JUDGES.get(str(r.columns.get("device")), ()))
    known = next((clock for clock in clocks if clock.probe == probe), Clock(probe, probe, "Device"))
    if probe not in SAMPLED or not r.value(probe):
        have = ", ".join(name for name in SAMPLED if r.value(name)) or "none"
        raise ValueError(f"--y {probe}: {r.label} has no such clock; it has {have}")
    return replace(r, clock=known)


def table(found: Sequence[Place], x: str, read: Words) -> str:
    r"""Return a `table` of LaTeX for \usepackage{booktabs} \usepackage{siunitx}.

    A row is a place: what differs of its question, both times with their intervals, and the verdict
    on the first. The caption says who is first and what all rows share.
    """
    factor, unit = scale_of([t for p in found for t in (p.a.time, p.b.time) if t], "s")
    several = len({(p.a.label, p.b.label) for p in found}) > 1
    differs = [name for name in _differing(found) if name != x]
    family = found[0].a.columns.get("family")
    heads = [escaped(read.facet(family, name)) for name in differs]
    heads += ["first", "second"] if several else []
    heads += [escaped(read.facet(family, x))] if x else []
    width = len(heads)
    columns = "l" * (width - bool(x)) + ("r" if x else "")
    columns += "".join(f"S[table-format={_format(found, factor, i)}]c" for i in (0, 1)) + "l"
    si = f"{{[\\si{{{SI.get(unit, unit)}}}]}} & {{{100 * LEVEL:g}\\,\\%}}"
    above = [*(f"{{{head}}}" for head in heads), *(f"\\multicolumn{{2}}{{c}}{{{w}}}" for w in ENDS)]
    below = [*("" for _ in heads), si, si, f"{{{100 * SURE:g}\\,\\%, together}}"]
    lines = [[*above, "{speed of the first}"], below]
    for p in found:
        cells = [
            escaped(read.pass_(p.a.get(n)) if n == "pass" else str(p.a.get(n))) for n in differs
        ]
        cells += [escaped(read.both(r)) for r in _ends(p)] if several else []
        cells += [f"{p.a.get(x)}"] if x else []
        cells += [cell for r in _ends(p) for cell in _time(r, factor)]
        lines.append([*cells, escaped(p.said)])
    rules = [f"{' & '.join(line)} \\\\" for line in lines]
    first, second = (read.both(r) for r in _ends(found[0]))
    who = "Comparisons" if several else f"First: {first}; second: {second}"
    shared = _shared(found, x, read)
    caption = f"{who}. {shared[0].upper()}{shared[1:]}"
    return (
        "% \\usepackage{booktabs} \\usepackage{siunitx}\n"
        f"\\begin{{table}}\n\\centering\n\\caption{{{escaped(caption)}.}}\n"
        f"\\begin{{tabular}}{{@{{}}{columns}@{{}}}}\n\\toprule\n"
        + "\n".join([*rules[:2], "\\midrule", *rules[2:], "\\bottomrule"])
        + "\n\\end{tabular}\n\\end{table}\n"
    )


ENDS = ("first", "second")


def _differing(found: Sequence[Place]) -> list[str]:
    """Return the columns and facets in which the places differ."""
    names = dict.fromkeys([*(n for p in found for n in p.a.facets), "pass", "dtype", "device"])
    return [name for name in names if len({str(p.a.get(name)) for p in found}) > 1]


def _value(r: Result, name: str, read: Words) -> str:
    if name == "pass":
        return read.pass_(r.get(name))
    return read.size(name, r.sizes[name]) if name in r.sizes else str(r.get(name))


def _cell(r: Result, name: str, read: Words) -> str:
    return read.pass_(r.get(name)) if name == "pass" else str(r.get(name))


def _shared(found: Sequence[Place], x: str, read: Words) -> str:
    """Return what all places share of their question: the problem, pass and data type."""
    differs, r = _differing(found), found[0].a
    said = [read.problem(r, leave_out=[x, *differs]).replace(": ", " (", 1) + ")"]
    said += [_value(r, name, read) for name in ("pass", "dtype") if name not in differs]
    return ", ".join(said)


def _at(p: Place, found: Sequence[Place], x: str, read: Words) -> str:
    """Return where a place is, of all: what differs, and `x`."""
    said = [_value(p.a, name, read) for name in _differing(found) if name != x]
    said += [read.size(x, p.a.sizes[x])] if x else []
    return ", ".join(said)


def _ends(p: Place) -> tuple[Result, Result]:
    return p.a, p.b


def _time(r: Result, factor: float) -> list[str]:
    value = (r.time or 0.0) / factor
    places, m = decimals(value), r.measures[r.clock.probe]
    shown = f"{value:.{places}f}"
    if m.lo is None or m.hi is None:
        return [shown, "{}"]
    return [shown, f"{{[{m.lo / factor:.{places}f}, {m.hi / factor:.{places}f}]}}"]


def _format(found: Sequence[Place], factor: float, i: int) -> str:
    values = [_time(_ends(p)[i], factor)[0] for p in found]
    whole = max(len(v.partition(".")[0]) for v in values)
    return f"{whole}.{max(len(v.partition('.')[2]) for v in values)}"


def sentence(
    found: Sequence[Place], x: str, run: Run, can: Expressivity, registry: Registry, suite: str
) -> str:
    """Return the methods and the result in plain text: what, where, how, how sure."""
    read = Words(registry)
    names = listing(dict.fromkeys(" with ".join(read.both(r) for r in _ends(p)) for p in found))
    rounds = sorted({len(r.rounds) for p in found for r in _ends(p)})
    clocks = sorted({p.a.clock.name for p in found})
    errors = [m for p in found for r in _ends(p) for n, m in r.gates if n.startswith("error.")]
    worst = max((m.value or 0.0 for m in errors), default=0.0)
    limits = sorted({m.limit for m in errors if m.limit})
    turns = "taken in turn" if clocks == [HOST.name] else "paired by their order"
    processes = f"{rounds[0]} to {rounds[-1]} processes" if rounds[1:] else (
        count(rounds[0], "process")
    )  # fmt: skip
    said = [
        f"We compared {names} on {_shared(found, x, read)}, at "
        f"{'; '.join(dict.fromkeys(_at(p, found, x, read) for p in found)) or 'one size'}.",
        f"Times are of equibench {suite} (timing protocol "
        f"{listing(methods.distinct(run, 'protocol'))}, commit "
        f"{methods.commits(run) or 'unknown'}; rows.jsonl, "
        f"SHA-256 {run.sha256}) on {run.machine}, with "
        f"{listing(_versions(run, found, registry))}.",
        f"The clock is {listing(clocks)}; a time is the median of a fresh process, over "
        f"{processes} the geometric mean of these, and has a {100 * LEVEL:g} % interval. A speed "
        f"is the time of the second over that of the first, of samples {turns}; the intervals of "
        f"speeds hold together for {'all ' if found[1:] else ''}{count(len(found), 'comparison')} "
        f"at {100 * SURE:g} %.",
        "Before a time counted, outputs had agreed with a float64 oracle to a relative error of "
        f"{scientific(worst)} at most (tolerance {listing(map(power, limits)) or 'unknown'}), and "
        "the symmetries that are claimed had held, in the same run.",
        *_maps(found, x, can, read),
        *(f"{read.both(p.a)}, {_at(p, found, x, read) or 'here'}: {p.said}." for p in found),
    ]
    if rounds[0] < ROUNDS:
        said.append(f"What fewer than {ROUNDS} processes measured is not replicated.")
    return "\n".join(said) + "\n"


ALWAYS = ("Python", "driver", "torch", "triton", "jax", "jaxlib", "numpy")
"""Versions that a methods sentence has, beside those that implementations need."""


def _versions(run: Run, found: Sequence[Place], registry: Registry) -> list[str]:
    names = {str(r.columns.get("implementation")) for p in found for r in _ends(p)}
    needed = {need for n in names if (i := registry.implementations.get(n)) for need in i.requires}
    kept = {*ALWAYS, *(need.replace("_", "-") for need in needed)}
    return [v for v in methods.versions(run.environments) if v.partition(" ")[0] in kept]


def _maps(found: Sequence[Place], x: str, can: Expressivity, read: Words) -> list[str]:
    """Return which pairs are not one map, and what each can express where that was measured."""
    dims: dict[tuple[str, str], dict[str, str]] = {}
    for p in found:
        first, second = (str(r.columns.get("operation")) for r in _ends(p))
        if first != second:
            known = can.dim(p.a), can.dim(p.b)
            at = dims.setdefault((first, second), {})
            if None not in known:
                size = read.size(x, p.a.sizes[x]) if x else "here"
                at[size] = f"{known[0]:g} and {known[1]:g} dimensions at {size}"
    return [
        f"{read.operation(a)} and {read.operation(b)} are different maps"
        f"{': ' if at else ''}{listing(at.values())}."
        for (a, b), at in dims.items()
    ]


def papers(found: Sequence[Place], registry: Registry) -> list[str]:
    """Return the keys of the papers of what is compared."""
    keys: dict[str, None] = {}
    for r in (r for p in found for r in _ends(p)):
        operation = registry.operations.get(str(r.columns.get("operation")))
        implementation = registry.implementations.get(str(r.columns.get("implementation")))
        for declared in (operation, implementation):
            keys |= dict.fromkeys(declared.papers if declared else ())
    return list(keys)


def axis(found: Sequence[Place], x: str) -> str:
    """Return the size along which places are told apart: `x`, or the first that differs.

    Raises:
        ValueError: for an x that is no size of what was measured.
    """
    sizes = found[0].a.sizes
    if x:
        if x not in sizes:
            raise ValueError(f"--x {x!r} is no size of this problem: choose {', '.join(sizes)}")
        return x
    differs = [n for n in sizes if len({p.a.get(n) for p in found}) > 1]
    return next(iter(differs or sizes), "")
