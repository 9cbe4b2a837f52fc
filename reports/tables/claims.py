"""The ledger of claims as a table: what papers say, what was found here, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.claims import KINDS, Finding
from reports.data.bibliography import Reference
from reports.data.ledger import Judged
from reports.data.table import Cell, Column, Table
from reports.data.text import NONE

COLOURS = {"reproduced": "good", "not reproduced": "bad"}
SHOWN = 12
"""So many findings of a claim stand on a page."""
MARKS = {True: "✓", False: "✗", None: "?"}
"""Before what was found at one place: it holds there, it does not, it can't be told."""


def found(finding: Finding) -> str:
    """Return one finding in words: `✓ L = 1: expressivity.dim 5`."""
    return f"{MARKS[finding.holds]} {finding.where}: {finding.said}"


def shown(findings: Sequence[Finding]) -> list[str]:
    """Return findings in words, of very many those that fail first; the CSV file has them all."""
    if len(findings) <= SHOWN:
        return [found(f) for f in findings]
    telling = sorted(findings, key=lambda f: (f.holds is not False, f.holds is None))
    left = len(findings) - SHOWN
    return [*(found(f) for f in telling[:SHOWN]), f"and {left} more, in tables/ledger.csv"]


def records(ledger: Sequence[Judged]) -> list[dict[str, Any]]:
    """Return a row for each claim, those that rows decide first."""
    return [
        {
            "claim": each.claim.id,
            "paper": each.claim.paper,
            "operation": each.claim.operation,
            "verdict": each.kind,
            "said": each.claim.claim,
            "setting": each.claim.setting,
            "value": each.claim.value,
            "found": [found(f) for f in each.findings],
            "why": each.claim.not_testable,
            "evidence": each.claim.evidence,
            "commands": each.commands,
            "rows": list(dict.fromkeys(row for f in each.findings for row in f.rows)),
        }
        for each in ordered(ledger)
    ]


def ordered(ledger: Sequence[Judged]) -> list[Judged]:
    """Return the claims by their verdict, in the order of KINDS."""
    return sorted(ledger, key=lambda each: KINDS.index(each.kind))


def table(ledger: Sequence[Judged], references: Mapping[str, Reference]) -> Table:
    """Return the ledger for a page: a claim a row."""
    columns = [
        Column("Claim"),
        Column("Said, of which setting"),
        Column("Verdict"),
        Column("Found here"),
        Column("What decides it"),
    ]
    rows = []
    for each in ordered(ledger):
        c = each.claim
        paper = references[c.paper].short if c.paper in references else c.paper
        seen = [("", line) for line in shown(each.findings)]
        why = [("", text) for text in (c.not_testable, c.evidence) if text]
        commands = [("", command) for command in each.commands]
        rows.append(
            [
                Cell(c.id, header=True, small=paper, below=True),
                Cell(f"“{c.claim}”", f"{c.value}; {c.setting}", below=True),
                Cell(each.kind, kind=COLOURS.get(each.kind, "")),
                Cell(links=seen or why, below=True),
                Cell(links=commands, below=True) if commands else Cell(NONE, kind="muted"),
            ]
        )
    said = [
        {
            name: "; ".join(value) if isinstance(value, list) else value
            for name, value in record.items()
        }
        for record in records(ledger)
    ]
    notes = [
        "A verdict is computed from rows, never typed. ✓: it holds there; ✗: it does not; ?: what "
        "was measured can't tell, or nothing was. It is reproduced in part where it does not hold, "
        "or is not decided, everywhere.",
        "An order O(L^k) counts as reproduced where the exponent of the counted arithmetic is at "
        "most k + 0.5 on the sizes that were measured, with all of its interval.",
        "A speed counts only where all of its interval is above what was said; times of two "
        "machines are never in one ratio.",
    ]
    return Table("ledger", "Claims of papers, judged by rows", columns, rows, notes, said)
