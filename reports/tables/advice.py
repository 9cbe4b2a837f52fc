"""Advice as people read it: a table for a terminal, Markdown, and what a page shows of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from typing import Any

from analysis.verdict import ROUNDS
from bench.commands.rendering import printable
from impls.registry import Registry
from reports.data.advice import FAMILIES, NEEDS, Advice, Choice, Question, Spot, gives_up, untimed
from reports.data.ledger import Judged
from reports.data.table import Cell, Column, Table
from reports.data.text import listing, number, spaced
from reports.data.words import Words

NAMED = 4
"""Operations that are named of those without a time."""
LABEL = 11
"""Letters of the left column."""


def asked(question: Question, read: Words) -> str:
    """Return what was asked, in words."""
    first, second, out = ("+".join(str(ir) for _, ir in irreps) for irreps in question.irreps)
    _, counted = FAMILIES[question.family]
    how_many = f", {counted} {number(question.count)}" if question.count else ""
    needs = f"; {listing(NEEDS[need] for need in question.needs)}" if question.needs else ""
    return (
        f"{first} ⊗ {second} → {out}, channels {question.channels}{how_many}, "
        f"{read.pass_(question.pass_)}, {question.dtype} ({read.kind(question.family)}){needs}"
    )


def facts(
    advice: Advice, command: Sequence[str], registry: Registry, ledger: Iterable[Judged]
) -> list[tuple[str, list[str]]]:
    """Return what is advised, line by line under what it is."""
    read, spot, answer = Words(registry), advice.spot, advice.answer
    lines: list[tuple[str, list[str]]] = [("On", [f"{spot.machine}, {spot.clock}"])]
    if answer is None:
        lines.append(("Answer", ["none that was timed there gives up nothing"]))
    else:
        lines.append(("Answer", [_said(answer)]))
        lines.append(("Gives up", [gives_up(answer)]))
    lines.append(("How sure", [advice.sure, *_replicated(spot)]))
    if advice.cheaper:
        named = "Cheaper" if answer else "Instead"
        lines.append((named, [_cheaper(c, answer) for c in advice.cheaper]))
    if advice.excluded:
        lines.append(("Excluded", [f"{c.title}: {why}" for c, why in advice.excluded]))
    lines.append(("Not known", unknown(advice, registry, read)))
    lines.append(("Measure", [shlex.join(command)]))
    lines.append(("Sources", _sources(advice, ledger)))
    return lines


def _said(c: Choice) -> str:
    beside = (
        f"; against the baseline: {c.baseline}" if c.baseline not in ("", "the baseline") else ""
    )
    return f"{c.title} ({c.implementation}; {c.label}), {c.time}{beside}"


def _cheaper(c: Choice, answer: Choice | None) -> str:
    beside = f"; {c.speeds[answer.operation]}" if answer else ""
    return f"{c.title} ({c.label}), {c.time}{beside}; gives up: {gives_up(c)}"


def _replicated(spot: Spot) -> list[str]:
    if spot.rounds >= ROUNDS:
        return []
    return [f"not replicated: {spot.rounds} fresh process(es) of {ROUNDS}"]


def unknown(advice: Advice, registry: Registry, read: Words) -> list[str]:
    """Return what the rows do not say: never nothing, since your machine is another one."""
    question, spot = advice.question, advice.spot
    found = [f"times on your machine: these are of {spot.machine}"]
    if advice.differs:
        found.append("times at your shape: those above are of the nearest shape, and not scaled")
    if not question.count:
        found.append(f"{FAMILIES[question.family][1]}: not asked, {number(spot.count)} measured")
    others = untimed(question, spot, registry, read)
    if others:
        more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
        found.append(f"{', '.join(others[:NAMED])}{more}: not timed there")
    unsure = [c.title for c in spot.choices if not c.derivable and c.dim is None]
    if unsure:
        found.append(f"what {listing(unsure)} can express: neither measured there nor derived")
    return found


def _sources(advice: Advice, ledger: Iterable[Judged]) -> list[str]:
    spot = advice.spot
    named = {c.operation for c in (advice.answer, *advice.cheaper) if c}
    claims = [j for j in ledger if j.claim.operation in named and j.decided]
    said = [f"run {spot.run}, rows.jsonl {spot.sha256[:16]}: {spot.problem}"]
    return said + [f"claim {j.claim.id}: {j.kind}" for j in claims]


def plain(question: str, told: Sequence[list[tuple[str, list[str]]]]) -> str:
    """Return advice for a terminal; of several machines one under the other."""
    lines = [f"{'Asked':<{LABEL}}{question}"]
    for one in told:
        lines.append("")
        for name, parts in one:
            heads = [name, *("" for _ in parts[1:])]
            lines += [f"{head:<{LABEL}}{part}" for head, part in zip(heads, parts, strict=True)]
    return "\n".join(printable(spaced(line)) for line in lines)


def markdown(question: str, told: Sequence[list[tuple[str, list[str]]]]) -> str:
    """Return advice as Markdown: a table for each machine."""
    lines = [f"**Asked:** {_escaped(question)}"]
    for one in told:
        lines += ["", "| | |", "|---|---|"]
        lines += [f"| {name} | {'<br>'.join(map(_escaped, parts))} |" for name, parts in one]
    return "\n".join(lines)


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in "|*_`<" else c for c in printable(spaced(text)))


def record(
    advice: Advice, question: str, command: Sequence[str], registry: Registry, ledger: list[Judged]
) -> dict[str, Any]:
    """Return advice as plain data."""
    told = dict(facts(advice, command, registry, ledger))
    return {
        "asked": question,
        "machine": advice.spot.machine,
        "distance": advice.distance,
        "differs": list(advice.differs),
        "answer": advice.answer.label if advice.answer else None,
        "seconds": advice.answer.seconds if advice.answer else None,
        "cheaper": [
            {"implementation": c.label, "seconds": c.seconds, "gives_up": gives_up(c),
             "speed": c.speeds.get(advice.answer.operation) if advice.answer else None}
            for c in advice.cheaper
        ],
        "excluded": {c.label: why for c, why in advice.excluded},
        "not_known": told["Not known"],
        "command": shlex.join(command),
        "sources": told["Sources"],
    }  # fmt: skip


def table(spots: Sequence[Spot], registry: Registry) -> Table:
    """Return the grid of a page without its form: every spot, its answer, and what is cheaper."""
    read = Words(registry)
    columns = [
        Column("Problem"),
        Column("Pass"),
        Column("Gives up nothing"),
        Column("Takes less time, and gives up"),
    ]
    rows, records = [], []
    for spot in spots:
        answer = next((c for c in spot.choices if c.complete), None)
        less = [c for c in spot.choices if answer is None or c.seconds < answer.seconds]
        rows.append(
            [
                Cell(spot.problem, header=True, href=f"#{spot.anchor}"),
                Cell(read.pass_(spot.pass_)),
                Cell(answer.title, f"{answer.implementation}, {answer.time}", below=True)
                if answer
                else Cell("none that was timed", kind="muted"),
                Cell(links=[("", f"{c.title}, {c.time}: {gives_up(c)}") for c in less], below=True)
                if less
                else Cell("nothing", kind="muted"),
            ]
        )
        records.append(
            {"problem": spot.problem, "pass": spot.pass_, "device": spot.device,
             "machine": spot.machine, "answer": answer.label if answer else "",
             "seconds": answer.seconds if answer else None,
             "cheaper": "; ".join(f"{c.label}: {gives_up(c)}" for c in less)}
        )  # fmt: skip
    return Table("advice", "What to take, of all that was timed", columns, rows, (), records)
