"""Coverage: every planned case with its status, and every reason. Nothing is hidden here."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.data.results import Result
from reports.data.run import Run
from reports.data.table import Cell, Column, Table
from reports.data.text import NONE, count, natural
from reports.data.words import STATUSES, Words

NOT_RUN, WITHHELD = "not run", "withheld"
FINE = ("ok", "noisy", "skip", "dominated", NOT_RUN)
"""Statuses that are no failures."""


@dataclass(frozen=True)
class Entry:
    """One planned or measured case; operation and implementation are in words."""

    case: str
    operation: str
    implementation: str
    status: str
    reason: str


def entries(run: Run, results: Sequence[Result], read: Words) -> list[Entry]:
    """Return all cases: those with results, then those that were planned and have none."""
    found = [
        Entry(
            case=str(r.columns.get("case")),
            operation=read.operation(r.columns.get("operation")),
            implementation=read.implementation(r),
            status=WITHHELD if r.status == "ok" and r.withheld else r.status,
            reason=r.withheld,
        )
        for r in results
    ]
    seen = {r["key"] for r in run.rows} & {str(r.columns.get("key")) for r in results}
    names = {entry.case for entry in found}
    for case in run.plan.get("cases", []):
        name = str(case.get("case") or case.get("id") or case["key"])
        if case["key"] in seen or name in names:
            continue
        found.append(_planned(case, name, read))
    return found


def _planned(case: Mapping[str, Any], name: str, read: Words) -> Entry:
    named = name.partition("::")[2].partition("/")[0]
    called = str(case.get("implementation") or named or NONE)
    operation = called.partition(".")[0]
    return Entry(name, read.operation(operation), read.called(called), NOT_RUN, "")


def table(found: Sequence[Entry]) -> Table:
    """Return one row an implementation: how many of its cases came to what."""
    cases: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for entry in found:
        cases[entry.operation, entry.implementation][entry.status] += 1
    used = sorted({e.status for e in found}, key=list(STATUSES).index)
    columns = [
        Column("Operation"),
        Column("Implementation"),
        *(Column(STATUSES[status], numeric=True) for status in used),
    ]
    rows = [
        [
            Cell(operation),
            Cell(implementation, header=True),
            *(_number(counts[status], status) for status in used),
        ]
        for (operation, implementation), counts in sorted(cases.items())
    ]
    records = [{"case": e.case, "status": e.status, "reason": e.reason} for e in found]
    caption = f"What became of every case: {count(len(found), 'case')}"
    return Table("coverage", caption, columns, rows, ["The file has a line a case."], records)


def _number(n: int, status: str) -> Cell:
    return Cell(str(n), kind="" if status in FINE else "bad") if n else Cell(kind="muted")


@dataclass(frozen=True)
class Reason:
    """All cases of one status for one reason; it is empty where the status says all."""

    status: str
    reason: str
    cases: tuple[str, ...]
    implementations: tuple[str, ...]

    @property
    def number(self) -> str:
        """Return how many cases."""
        return count(len(self.cases), "case")


def reasons(found: Sequence[Entry]) -> list[Reason]:
    """Return why cases have no time, or one wider than asked, grouped; failures before skips."""
    groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in found:
        if entry.status != "ok":
            groups[entry.status, entry.reason].append(entry)
    order = {
        status: i
        for i, status in enumerate((WITHHELD, "wrong", "crash", "oom", "timeout", "error"))
    }
    listed = [
        Reason(
            status,
            reason,
            tuple(sorted(e.case for e in group)),
            tuple(sorted({f"{e.operation} ({e.implementation})" for e in group})),
        )
        for (status, reason), group in groups.items()
    ]
    return sorted(listed, key=lambda r: (order.get(r.status, 9), natural(r.status), r.reason))
