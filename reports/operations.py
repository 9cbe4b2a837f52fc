"""What is known of each operation on the page: its map, its claims, its papers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from impls.registry import Registry
from reports import expressivity as expressing
from reports.bibliography import Reference
from reports.expressivity import Expressivity
from reports.results import Result
from reports.tables import Cell, Column, Table
from reports.text import NONE, listing, slug


@dataclass(frozen=True)
class About:
    """One operation, as declared; a row may know it when the registry does not."""

    family: str
    name: str
    summary: str
    claim: str
    papers: tuple[str, ...]


def about(registry: Registry, results: Sequence[Result]) -> list[About]:
    """Return the operations of a run by family and name."""
    pairs = sorted(
        {(str(r.columns.get("family")), str(r.columns.get("operation"))) for r in results}
    )
    return [_about(registry, results, family, name) for family, name in pairs]


def _about(registry: Registry, results: Sequence[Result], family: str, name: str) -> About:
    mine = [
        r
        for r in results
        if (r.columns.get("family"), r.columns.get("operation")) == (family, name)
    ]
    known = registry.operations.get(name)
    if known is None or known.family != family:
        summary = next(
            (str(r.detail["operation_summary"]) for r in mine if r.detail.get("operation_summary")),
            "",
        )
        claimed = sorted(
            {
                p.removeprefix("equiv.")
                for r in mine
                for p, m in r.measures.items()
                if p.startswith("equiv.") and m.claimed
            }
        )
        return About(family, name, summary, listing(claimed) or NONE, ())
    exact = known.exactness
    claim = f"{exact.kind}: {listing(exact.subgroups) or 'no subgroup'}"
    if exact.knob:
        claim += f", approximate with {exact.knob}"
    return About(family, name, known.summary, claim, tuple(known.papers))


def papers(registry: Registry, found: Iterable[About], results: Sequence[Result]) -> list[str]:
    """Return the reference keys of the operations and implementations shown."""
    keys = {key for operation in found for key in operation.papers}
    for r in results:
        implementation = registry.implementations.get(str(r.columns.get("implementation")))
        if implementation:
            keys |= set(implementation.papers)
    return sorted(keys)


def table(
    found: Sequence[About], expressivity: Expressivity, references: Mapping[str, Reference]
) -> Table:
    """Return the table of operations."""
    columns = [
        Column("Operation"),
        Column("Family"),
        Column("Computes"),
        Column("Equivariance claimed"),
        Column("Expressivity (dim)"),
        Column("Papers"),
    ]
    rows, records = [], []
    for o in found:
        dims = "; ".join(expressing.sequence(expressivity, o.family, o.name))
        rows.append(
            [
                Cell(o.name, header=True),
                Cell(o.family),
                Cell(o.summary or NONE),
                Cell(o.claim),
                Cell(dims or NONE),
                Cell("" if o.papers else NONE, links=_links(o.papers, references)),
            ]
        )
        records.append(
            {
                "operation": o.name,
                "family": o.family,
                "summary": o.summary,
                "claim": o.claim,
                "expressivity.dim": dims,
                "papers": " ".join(o.papers),
            }
        )
    return Table("operations", "What each operation computes", columns, rows, (), records)


def _links(keys: Sequence[str], references: Mapping[str, Reference]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (f"#{anchor(k)}" if k in references else "", references[k].short if k in references else k)
        for k in keys
    )


def anchor(key: str) -> str:
    """Return the anchor of a reference."""
    return f"ref-{slug(key)}"
