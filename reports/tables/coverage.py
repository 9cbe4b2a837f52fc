"""Coverage: every planned case with its status, and every reason. Nothing is hidden here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.data.results import Result
from reports.data.run import Run
from reports.data.table import Cell, Column, Table
from reports.data.text import NONE, count, natural
from reports.data.words import Words

NOT_RUN, WITHHELD = "not run", "withheld"
SYMBOLS = {
    "ok": ("✓", "good"),
    "skip": ("s", "muted"),
    NOT_RUN: ("·", "muted"),
    "noisy": ("~", "good"),
    WITHHELD: ("H", "bad"),
    "dominated": ("d", "muted"),
}
NAMES = {
    "ok": "right, and timed",
    WITHHELD: "finished, but the checks that a time needs did not pass or were not made",
    "skip": "refused or skipped, with a reason",
    "wrong": "an accuracy or symmetry gate failed",
    "oom": "out of memory",
    "timeout": "took too long",
    "crash": "the process died",
    "error": "raised an exception",
    "noisy": "right, and timed; the interval stayed wider than was asked for",
    "dominated": "not tried: failed at this size or a smaller one",
    NOT_RUN: "planned, and not run or cut off",
}


@dataclass(frozen=True)
class Entry:
    """One planned or measured case; problem and implementation are in words."""

    case: str
    problem: str
    operation: str
    implementation: str
    status: str
    reason: str

    @property
    def symbol(self) -> tuple[str, str]:
        """Return a letter and its style."""
        return SYMBOLS.get(self.status, (self.status[:1].upper(), "bad"))


def entries(run: Run, results: Sequence[Result], read: Words) -> list[Entry]:
    """Return all cases: those with results, then those that were planned and have none.

    What was planned is in words where something of the same problem, or the implementation, is
    known.
    """
    problems = {str(r.columns.get("problem")): read.problem(r) for r in results}
    found = [
        Entry(
            case=str(r.columns.get("case")),
            problem=f"{read.problem(r)}, {read.pass_(r.columns.get('pass'))}",
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
        found.append(_planned(case, name, problems, read))
    return found


def _planned(case: Mapping[str, Any], name: str, problems: Mapping[str, str], read: Words) -> Entry:
    problem, _, rest = name.partition("::")
    if isinstance(case.get("problem"), str):
        problem = case["problem"]
    pass_ = case.get("pass")
    asked = ", ".join(filter(None, [problems.get(problem, problem), pass_ and read.pass_(pass_)]))
    called = str(case.get("implementation") or rest.partition("/")[0] or NONE)
    operation = called.partition(".")[0]
    return Entry(name, asked, read.operation(operation), read.called(called), NOT_RUN, "")


def matrix(found: Sequence[Entry]) -> Table:
    """Return problems by implementations, one symbol a case."""
    implementations = sorted({(e.operation, e.implementation) for e in found})
    problems = list(dict.fromkeys(e.problem for e in found))
    cells: dict[tuple[str, tuple[str, str]], list[Entry]] = defaultdict(list)
    for entry in found:
        cells[entry.problem, (entry.operation, entry.implementation)].append(entry)
    columns = [Column("Problem and pass")]
    columns += [Column(name, group=operation, vertical=True) for operation, name in implementations]
    rows = [
        [
            Cell(problem, header=True),
            *(_cell(cells.get((problem, name), [])) for name in implementations),
        ]
        for problem in problems
    ]
    used = sorted({e.status for e in found}, key=list(NAMES).index)
    legend = [f"{Entry('', '', '', '', s, '').symbol[0]} {s}: {NAMES[s]}" for s in used]
    legend.append("An empty cell: not planned.")
    records = [{"case": e.case, "status": e.status, "reason": e.reason} for e in found]
    caption = f"Every case by status: {count(len(found), 'case')}"
    return Table("coverage", caption, columns, rows, legend, records)


def _cell(found: Sequence[Entry]) -> Cell:
    if not found:
        return Cell("", spoken="not planned")
    symbols = " ".join(dict.fromkeys(e.symbol[0] for e in found))
    statuses = ", ".join(dict.fromkeys(e.status for e in found))
    return Cell(symbols, spoken=statuses, kind=found[0].symbol[1])


@dataclass(frozen=True)
class Reason:
    """All cases that have no time for one reason."""

    status: str
    reason: str
    cases: tuple[str, ...]
    implementations: tuple[str, ...]

    @property
    def number(self) -> str:
        """Return how many cases."""
        return count(len(self.cases), "case")


def reasons(found: Sequence[Entry]) -> list[Reason]:
    """Return the reasons why cases have no time, grouped; failures before skips."""
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
            reason or NAMES[status],
            tuple(sorted(e.case for e in group)),
            tuple(sorted({f"{e.operation} ({e.implementation})" for e in group})),
        )
        for (status, reason), group in groups.items()
    ]
    return sorted(listed, key=lambda r: (order.get(r.status, 9), natural(r.status), r.reason))
