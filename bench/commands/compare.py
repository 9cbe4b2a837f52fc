"""`bench compare A B`: two revisions of the code, measured in turn by the same harness."""

from __future__ import annotations

import argparse
import io
import math
import shutil
import subprocess
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from analysis.verdict import verdicts
from bench.ask.plan import plan
from bench.commands import question
from bench.commands.command import Command, Help, add_format, add_select, add_where
from bench.commands.pairing import add_design, designed, target_of
from bench.commands.rendering import render
from bench.drive.paired import Pair, Variant, measured
from impls.registry import load as load_registry

ROOT = Path(__file__).resolve().parents[2]
HERE = "."
"""The name of the working tree, with what is not committed."""
CLOCK = "time.host"


@contextmanager
def checkout(revision: str, scratch: Path) -> Iterator[Path | None]:
    """Give the directory that holds `impls` as of a git revision; None for the working tree.

    Raises:
        ValueError: when this is no git checkout, or it does not know the revision.
    """
    if revision == HERE:
        yield None
        return
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        raise ValueError(f"{revision!r}: only a git checkout can be compared, with git installed")
    command = ["git", "-C", str(ROOT), "archive", "--format=tar", revision, "impls"]
    archive = subprocess.run(command, capture_output=True, check=False)
    if archive.returncode:
        said = archive.stderr.decode(errors="replace").strip().splitlines()
        raise ValueError(f"unknown revision {revision!r}: {said[-1] if said else 'git archive'}")
    where = scratch / f"revision-{len(list(scratch.iterdir()))}"
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(where, filter="data")
    yield where


def table(pairs: Sequence[Pair], margin: float, level: float) -> list[dict[str, Any]]:
    """Return a row for each pair: medians [s], how many times as fast b is, the verdict on it.

    The interval is the one that decides, for all rows as one table; `seen` is the least difference
    that would have been called one.
    """
    judged = [pair for pair in pairs if not pair.reason]
    said = verdicts([(pair.groups[1], pair.groups[0]) for pair in judged], margin, level)
    found = {id(pair): verdict for pair, verdict in zip(judged, said, strict=True)}
    rows = []
    for pair in pairs:
        if pair.reason:
            nothing = dict.fromkeys(("a", "b", "speed", "lo", "hi", "seen"))
            rows.append(
                {
                    "case": pair.id,
                    "clock": CLOCK,
                    **nothing,
                    "verdict": "none",
                    "said": "",
                    "reason": pair.reason,
                }
            )
            continue
        a, b = (float(np.median([np.median(g) for g in variant])) for variant in pair.groups)
        verdict = found[id(pair)]
        known = math.isfinite(verdict.hi)
        rows.append(
            {
                "case": pair.id,
                "clock": CLOCK,
                "a": a,
                "b": b,
                "speed": verdict.speed,
                "lo": verdict.lo if known else None,
                "hi": verdict.hi if known else None,
                "seen": verdict.seen if known else None,
                "verdict": verdict.kind,
                "said": str(verdict),
                "reason": "",
            }
        )
    return rows


def _missed(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return how large a difference could have been missed where nothing could be told."""
    seen = [row["seen"] for row in rows if row["verdict"] == "can't tell"]
    known = [value for value in seen if value is not None]
    if not seen:
        return "every pair is told"
    if len(known) < len(seen):
        return "where it can't tell, any difference may have been missed: ask for more --rounds"
    return (
        f"where it can't tell, a difference above {max(known):.0%} would have been seen; "
        "more --rounds see smaller ones"
    )


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    parser.add_argument("a", metavar="A", help="a git revision, or . for the working tree")
    parser.add_argument("b", metavar="B", nargs="?", default=".", help="default: the working tree")
    add_select(parser)
    parser.add_argument("--margin", type=float, default=0.02, help="what counts as equal: 0.02")
    parser.add_argument("--level", type=float, default=0.99, help="confidence of the table: 0.99")
    add_design(parser)
    add_where(parser)
    add_format(parser)
    question.add(parser, argv, "quick")


def _run(arguments: argparse.Namespace) -> int:
    if not arguments.margin > 0 or not 0 < arguments.level < 1:
        raise ValueError("--margin must be positive, and --level between 0 and 1")
    registry = load_registry()
    target = target_of(arguments)
    meant = plan(question.profile_of(arguments, registry), target, registry, arguments.select)
    cases = [p.case for p in meant.planned if p.refused is None]
    if not cases:
        raise ValueError(f"every case that --select {arguments.select!r} matches is refused")
    with (
        TemporaryDirectory(prefix="equibench-compare-") as scratch,
        designed(arguments, len(cases), Path(scratch) / "logs", target) as (design, told),
        checkout(arguments.a, Path(scratch)) as a,
        checkout(arguments.b, Path(scratch)) as b,
    ):
        variants = Variant(arguments.a, a), Variant(arguments.b, b)
        rows = table(
            measured(cases, variants, registry, design, (), told), arguments.margin, arguments.level
        )
    print(render(rows, arguments.format))
    if arguments.format == "table":
        counts = Counter(row["verdict"] for row in rows)
        print("\n" + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
        print(_missed(rows))
    return 3 if any(row["verdict"] == "slower" for row in rows) else 0


COMMAND = Command(
    "compare",
    "Measure two revisions in turn; exit code 3 when the second is slower.",
    Help(
        examples=("python -m bench compare HEAD~1 --select 'gaunt.torch_grid'",),
        gives=(
            "A row for each case: both times, how many times as fast the second is, the interval "
            "that decides, and the verdict."
        ),
        then=(
            "Where it can't tell, more --rounds see smaller differences; python -m bench "
            "calibrate says how often the instrument itself is wrong."
        ),
    ),
    _add,
    _run,
)
