"""`reports claims`: whether what papers say holds, by the rows of runs; `--measure` makes rows."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from analysis.claims import KINDS
from bench.commands.command import Command, Help, add_format
from bench.commands.rendering import render
from bench.record.case import digest
from impls.registry import load
from reports.data import kept, ledger
from reports.data.claims import Claim, every
from reports.tables import claims as table

OUT = Path("reports/out/claims")
"""Where what is measured to decide claims is kept."""


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    parser.add_argument(
        "claims", nargs="*", metavar="CLAIM",
        help="only these: globs of ids, papers or operations (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--run", dest="runs", type=Path, action="append", default=[], metavar="DIR",
        help="judge by the runs at or below DIR (may be repeated; default: the published ones, and "
        f"what --measure has made in {OUT})",
    )  # fmt: skip
    parser.add_argument(
        "--measure", action="store_true", help="first run the commands that decide them"
    )
    parser.add_argument(
        "--budget", type=float, metavar="SECONDS", help="with --measure: start none after this"
    )
    parser.add_argument(
        "--out", type=Path, default=OUT, metavar="DIR",
        help="where --measure keeps its rows (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--keep", type=Path, metavar="DIR",
        help="copy the rows that these verdicts rest on into a new directory",
    )  # fmt: skip
    add_format(parser)


def _run(arguments: argparse.Namespace) -> int:
    claims = _chosen(arguments.claims)
    if arguments.measure:
        _measure(claims, arguments.out, arguments.budget)
    measured = [arguments.out] if arguments.out.is_dir() else []
    directories = ledger.runs_in([*(arguments.runs or [ledger.PUBLISHED]), *measured])
    sources = ledger.sources(directories, load([]).suite)
    found = ledger.judged(claims, sources)
    if arguments.keep:
        for folder in kept.keep(found, sources, arguments.keep):
            print(f"kept {folder}", file=sys.stderr)
    print(render(_lines(found, arguments.format), arguments.format, WIDTHS))
    counted = ledger.counts(found)
    print(
        f"{len(found)} claims: " + ", ".join(f"{counted[k]} {k}" for k in KINDS if k in counted),
        file=sys.stderr,
    )
    return 0


WIDTHS = {"claim": 26, "said": 44, "verdict": 13, "found": 60}
"""Where a table wraps."""


def _lines(found: Sequence[ledger.Judged], style: str) -> list[dict[str, object]]:
    """Return the ledger; in a table without what is looked up only."""
    records = table.records(found)
    if style != "table":
        return records
    return [
        {
            "claim": record["claim"],
            "said": record["said"],
            "verdict": record["verdict"],
            "found": _found(record),
        }
        for record in records
    ]


def _found(record: dict[str, object]) -> str:
    """Return what was found, or why nothing was; of what is not decided the command too."""
    seen = record["found"]
    text = "; ".join(seen) if isinstance(seen, list) else ""
    if record["verdict"] in ("not decided", "reproduced in part"):
        commands = record["commands"]
        text += f"; decided by: {' && '.join(commands) if isinstance(commands, list) else ''}"
    return text or "; ".join(str(record[n]) for n in ("why", "evidence") if record[n])


def _chosen(globs: Sequence[str]) -> list[Claim]:
    """Return the claims that are asked for.

    Raises:
        ValueError: for a glob that none of them has as id, paper or operation.
    """
    claims = every()
    for glob in globs:
        if not any(_is(claim, glob) for claim in claims):
            raise ValueError(
                f"no claim has the id, paper or operation {glob!r}: `python -m reports claims "
                "--format csv` has them all"
            )
    return [c for c in claims if not globs or any(_is(c, glob) for glob in globs)]


def _is(claim: Claim, glob: str) -> bool:
    return any(fnmatchcase(name, glob) for name in (claim.id, claim.paper, claim.operation))


def _measure(claims: Sequence[Claim], out: Path, budget: float | None) -> None:
    """Run the commands that decide some claims, each once; rows that are there count.

    A command that fails is said, and the others run: what it would have decided stays undecided.
    """
    began = time.monotonic()
    for line in dict.fromkeys(line for claim in claims for line in claim.measure):
        if budget is not None and time.monotonic() - began > budget:
            print(f"not started, the budget is spent: python -m bench {line}", file=sys.stderr)
            continue
        words = shlex.split(line)
        where = out if words[0] == "analyse" else out / f"run-{digest({'command': line})[:8]}"
        command = [sys.executable, "-m", "bench", *words, "--out", str(where), "--plain"]
        print(f"python -m bench {line}", file=sys.stderr, flush=True)
        ended = subprocess.run(command, stdout=subprocess.DEVNULL)
        if ended.returncode:
            print(f"  ended with exit code {ended.returncode}", file=sys.stderr)


COMMAND = Command(
    "claims",
    "Print whether what papers claim holds: verdicts computed from rows, and what would decide.",
    Help(
        examples=("python -m reports claims gaunt",),
        gives=(
            "A line for each claim of a paper: what was measured, the verdict that is "
            "computed of it, and what would decide where there is none."
        ),
        then=(
            "The command that stands beside an undecided claim measures it; --run DIR judges "
            "by your own run."
        ),
    ),
    _add,
    _run,
)
