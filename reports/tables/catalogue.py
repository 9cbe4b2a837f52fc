"""The catalogue: every operation, its claims, what it can express, its cost and who uses it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from analysis import catalogue
from impls.registry import Registry
from reports.data import expressivity as expressing
from reports.data.bibliography import Reference
from reports.data.expressivity import Expressivity
from reports.data.results import Result
from reports.data.table import Cell, Column, Table
from reports.data.text import NONE, listing, raised, slug
from reports.data.words import Words

GROUPS = (
    (("rotation", "inversion", "mirror", "translation"), "E(d)"),
    (("rotation", "inversion", "translation"), "E(3)"),
    (("rotation", "translation"), "SE(3)"),
    (("rotation", "inversion"), "O(3)"),
    (("rotation",), "SO(3)"),
    (("inversion",), "Cᵢ"),
    (("permutation",), "Sₙ"),
)
"""What subgroups make up together, the larger groups first."""
USUAL = ("jax", "numpy", "torch")
"""The frameworks that go without saying."""


@dataclass(frozen=True)
class About:
    """One operation, as declared; a row may know it when the registry does not.

    `run` tells whether cases of it were run. `main` is the axis along which the family poses its
    question, and `posed` that question in a word (mimo). `implementations` maps names to
    (framework, order).
    """

    family: str
    name: str
    summary: str = ""
    inexact: str = ""
    subgroups: tuple[str, ...] = ()
    papers: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    run: bool = False
    main: str = ""
    posed: str = ""
    paths: tuple[int, int] | None = None
    dimensions: tuple[int | None, ...] | None = None
    cost: str = ""
    order: str = ""
    implementations: Mapping[str, tuple[str, str]] | None = None

    @property
    def group(self) -> str:
        """Return the group that the claimed subgroups make up; empty where one is not known."""
        left, parts = set(self.subgroups), []
        for names, group in GROUPS:
            if left >= set(names):
                left -= set(names)
                parts.append(group)
        return "" if left else " × ".join(parts)


def about(registry: Registry, results: Sequence[Result]) -> list[About]:
    """Return all operations of the registry and of the run, the largest families first."""
    found: dict[tuple[str, str], list[Result]] = {
        (o.family, o.name): [] for o in registry.operations.values()
    }
    for r in results:
        pair = str(r.columns.get("family")), str(r.columns.get("operation"))
        found.setdefault(pair, []).append(r)
    sizes = Counter(family for family, _ in found)
    order = sorted(found, key=lambda pair: (-sizes[pair[0]], pair))
    return [_about(registry, found[pair], *pair) for pair in order]


def _about(registry: Registry, mine: Sequence[Result], family: str, name: str) -> About:
    run = any(r.status != "skip" for r in mine)
    known = registry.operations.get(name)
    if known is None or known.family != family:
        return _from_rows(mine, family, name, run)
    implementations = registry.implementations_of(name)
    of = registry.family(family)
    derived = catalogue.entry(known, of, implementations)
    words = () if of.pose is None else of.facets(of.pose(1)).values()
    return About(
        family=family,
        name=name,
        summary=known.summary,
        inexact=known.inexact,
        subgroups=known.exact,
        papers=known.papers,
        users=known.users,
        run=run,
        main=of.axes[0] if of.pose else "",
        posed=next((word for word in words if isinstance(word, str)), ""),
        paths=derived.paths,
        dimensions=derived.dimensions,
        cost=derived.cost,
        order=derived.order,
        implementations={
            i.name: (i.framework, derived.implementations[i.name]) for i in implementations
        },
    )


def _from_rows(mine: Sequence[Result], family: str, name: str, run: bool) -> About:
    summaries = (r.detail.get("operation_summary") for r in mine)
    claimed = {
        probe.removeprefix("equiv.")
        for r in mine
        for probe, measure in r.measures.items()
        if probe.startswith("equiv.") and measure.claimed
    }
    summary = next((str(text) for text in summaries if text), "")
    return About(family, name, summary, subgroups=tuple(sorted(claimed)), run=run)


def papers(registry: Registry, found: Iterable[About], results: Sequence[Result]) -> list[str]:
    """Return the reference keys of the operations, their users and the implementations run."""
    keys = {key for operation in found for key in (*operation.papers, *operation.users)}
    for r in results:
        implementation = registry.implementations.get(str(r.columns.get("implementation")))
        if implementation:
            keys |= set(implementation.papers)
    return sorted(keys)


def table(
    found: Sequence[About],
    expressivity: Expressivity,
    references: Mapping[str, Reference],
    read: Words,
) -> Table:
    """Return the catalogue."""
    first, *_, last = catalogue.STEPS
    axes = dict.fromkeys(catalogue.symbol(o.main) for o in found if o.dimensions)
    main = f"{'/'.join(axes)}\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}"
    expressivity_of = "Expressivity (dim)"
    columns = [
        Column("Operation"),
        Column("Symmetry claimed"),
        Column(f"Couples, {main}{catalogue.COUNTED}"),
        Column(f"derived, {main}{first}\N{EN DASH}{last}", expressivity_of),
        Column("measured in this run", expressivity_of),
        Column("Cost"),
        Column("Implementations"),
        Column("Papers"),
        Column("Used by"),
    ]
    rows, records = [], []
    for family, members in groupby(found, lambda o: o.family):
        rows.append([Cell(read.kind(family), header=True, span=len(columns), kind="family")])
        for o in members:
            measured = expressing.sequence(expressivity, o.family, o.name, read)
            differs = expressing.disagrees(expressivity, o.family, o.name)
            rows.append(
                [
                    Cell(read.operation(o.name), o.summary, header=True, below=True),
                    _symmetry(o),
                    Cell("{} of {}".format(*o.paths)) if o.paths else Cell(kind="muted"),
                    _dimensions(o),
                    _measured(o, measured, differs, read),
                    Cell(raised(o.order) or NONE, raised(_better(o)), below=True),
                    _lines([("", line) for line in _algorithms(o)]),
                    _lines(_links(o.papers, references)),
                    _lines(_links(o.users, references)),
                ]
            )
            records.append(_record(o, measured))
    caption = f"All operations of the suite: {len(found)}, of which {_count(found)} in this run"
    return Table("catalogue", caption, columns, rows, (), records)


def _count(found: Sequence[About]) -> str:
    return str(sum(o.run for o in found) or "none")


def _symmetry(o: About) -> Cell:
    claimed = listing(o.subgroups)
    parts = [claimed if o.group else "", o.inexact]
    return Cell(o.group or claimed or "none", "; ".join(filter(None, parts)), below=True)


def _dimensions(o: About) -> Cell:
    if o.dimensions is None:
        return Cell(kind="muted")
    return Cell(", ".join(NONE if d is None else str(d) for d in o.dimensions))


def _measured(o: About, measured: Sequence[str], differs: bool, read: Words) -> Cell:
    """Return what was measured of the question of the derived numbers, or else of any."""
    if not o.run:
        return Cell("not in this run", kind="muted")
    if not measured:
        return Cell(kind="muted", spoken="not measured")
    posed = read.value(o.family, "", o.posed) if o.posed else ""
    alike = [line for line in measured if posed and line.startswith(f"{posed}, ")]
    cell = _lines([("", line) for line in alike or measured])
    return replace(cell, badge="differs", kind="bad") if differs else cell


def _better(o: About) -> str:
    return o.cost.removeprefix(o.order).removeprefix(", ")


def _lines(links: Sequence[tuple[str, str]]) -> Cell:
    return Cell("", links=links, below=True) if links else Cell(kind="muted")


def _algorithms(o: About) -> list[str]:
    """Return the algorithms, those of one order and the same frameworks together."""
    algorithms: dict[tuple[str, str], list[str]] = {}
    for name, (framework, order) in (o.implementations or {}).items():
        algorithms.setdefault((name.removeprefix(f"{framework}_"), order), []).append(framework)
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (algorithm, order), frameworks in algorithms.items():
        groups.setdefault((order, tuple(sorted(frameworks))), []).append(algorithm)
    lines = []
    for (order, found), names in groups.items():
        line = ", ".join(names) + ("" if found == USUAL else f" ({', '.join(found)})")
        lines.append(line if order == o.order else f"{line}: {raised(order)}")
    return lines


def _record(o: About, measured: Sequence[str]) -> dict[str, object]:
    return {
        "operation": o.name,
        "family": o.family,
        "computes": o.summary,
        "group": o.group,
        "subgroups": ", ".join(o.subgroups),
        "inexact": o.inexact,
        "paths": "{} of {}".format(*o.paths) if o.paths else None,
        **{
            f"dim {catalogue.symbol(o.main)}={step}": dim
            for step, dim in zip(catalogue.STEPS, o.dimensions or [None] * 4, strict=True)
        },
        "expressivity.dim": "; ".join(measured),
        "in this run": "yes" if o.run else "no",
        "cost": o.cost,
        "implementations": ", ".join(o.implementations or ()),
        "papers": " ".join(o.papers),
        "users": " ".join(o.users),
    }


def _links(keys: Sequence[str], references: Mapping[str, Reference]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (f"#{anchor(k)}" if k in references else "", references[k].short if k in references else k)
        for k in keys
    )


def part(family: object, name: object) -> str:
    """Return the anchor of what is told of an operation."""
    return f"operation-{slug(f'{family} {name}')}"


def anchor(key: str) -> str:
    """Return the anchor of a reference."""
    return f"ref-{slug(key)}"
