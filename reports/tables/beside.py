"""Published machines side by side: the answers of each in a column, and no ratio between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from reports.data.advice import Spot
from reports.data.ledger import Source
from reports.data.text import count, listing, spaced
from reports.tables.methods import distinct

HEAD = """\
# Published runs

Each folder has the rows of one run, and the page that `make published` makes of them again. A time
belongs to its machine: columns stand beside each other, and no number divides one by another.

`claims/` has the rows that verdicts on claims of papers rest on, as `python -m reports claims
--keep` copied them out of runs: dimensions, symmetries, errors, counts. They were made beside other
work, so their times are wide, and no page is made of them.
"""


def markdown(sources: Sequence[Source], spots: Sequence[Sequence[Spot]]) -> str:
    """Return the runs, and what takes least time at each problem on each machine, as Markdown."""
    lines = [HEAD, "| run | machine | protocol | rows | SHA-256 of rows.jsonl |"]
    lines.append("|---|---|---|---|---|")
    for each in sources:
        run = each.run
        page = f"[{each.name}]({each.name}/index.html)"
        protocols = listing(distinct(run, "protocol"))
        lines.append(f"| {page} | {run.machine} | {protocols} | {run.lines} | `{run.sha256}` |")
    lines += [
        "",
        "What takes least time of that which gives up nothing; in brackets what takes less, and",
        "gives something up ([expressivity](../../docs/expressivity.md)).",
        "",
        f"| problem | pass | {' | '.join(f'{s.name} ({s.run.machine})' for s in sources)} |",
        f"|---|---|{'---|' * len(sources)}",
    ]
    found: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    for column, mine in enumerate(spots):
        for spot in mine:
            found[spot.problem, spot.pass_][column] = _cell(spot)
    for (problem, pass_), cells in found.items():
        row = [cells.get(column, "–") for column in range(len(sources))]
        lines.append(f"| {problem} | {pass_} | {' | '.join(row)} |")
    return spaced("\n".join(lines)) + "\n"


def _cell(spot: Spot) -> str:
    answer = next((c for c in spot.choices if c.complete), None)
    less = [c for c in spot.choices if not c.breaks and (not answer or c.seconds < answer.seconds)]
    said = f"`{answer.label}` {answer.time}" if answer else "none gives up nothing"
    more = "; ".join(f"`{c.label}` {c.time}" for c in less)
    return f"{said}{f' ({more})' if more else ''}, {count(spot.rounds, 'process')}"


def published(folder: Path) -> list[Path]:
    """Return the published runs that have pages: folders of rows right below.

    Raises:
        ValueError: when there is none.
    """
    found = sorted(file.parent for file in folder.glob("*/rows.jsonl"))
    if not found:
        raise ValueError(f"{folder} has no folder with rows.jsonl: name where runs are published")
    return found
