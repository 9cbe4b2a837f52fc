"""Keeping what verdicts rest on: the rows of runs that decide claims, without all others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.record import foreign
from bench.record.rows import FINISHED, KINDS, facts, read, write_json
from reports.data.clocks import SAMPLED
from reports.data.ledger import FIRST, ROWS, Judged, Source
from reports.data.results import GATES


def keep(ledger: Iterable[Judged], sources: Sequence[Source], out: Path) -> list[Path]:
    """Write, for each run that a verdict rests on, the rows that it rests on; return the folders.

    Lines are copied as they are, so that their ids still say that nothing was changed: of each case
    its end, its gates, its clocks and what tests name. Facts and the plan come along.

    Raises:
        ValueError: when `out` is not empty.
    """
    if out.exists() and any(out.iterdir()):
        raise ValueError(f"{out} is not empty: name a new directory")
    judged = list(ledger)
    named = {test.probe for each in judged for test in each.claim.test if test.probe}
    probes = (FINISHED, FIRST, *SAMPLED, *GATES, *sorted(named))
    cases = {case for each in judged for f in each.findings for case in f.rows}
    made = []
    for each in sources:
        directory = each.run.directory
        lines = [
            line
            for line, row in read(directory)
            if row["case"] in cases and str(row["probe"]).startswith(probes)
        ]
        if not lines:
            continue
        folder = _new(out, directory.name)
        (folder / ROWS).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        for kind in KINDS:
            for name, data in facts(directory, kind).items():
                write_json(folder / kind / f"{name}.json", data)
        plan = foreign.read_plan(directory)
        if plan:
            kept = [case for case in plan["cases"] if case["id"] in cases]
            write_json(folder / "plan.json", {**plan, "cases": kept})
        made.append(folder)
    return made


def _new(out: Path, name: str) -> Path:
    """Make a folder of this name, numbered where another run has it already."""
    number = 1
    while (folder := out / (name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    folder.mkdir(parents=True)
    return folder
