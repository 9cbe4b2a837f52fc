"""`bench compare A B`: two revisions of the code, measured in turn by the same harness."""

from __future__ import annotations

import io
import math
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from analysis.statistics import paired_ratio
from analysis.verdict import verdicts
from bench.duel import Duel

ROOT = Path(__file__).resolve().parent.parent
HERE = "."
"""The name of the working tree, with what is not committed."""
CLOCK = "time.burst"


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


def table(duels: Sequence[Duel], margin: float, level: float) -> list[dict[str, Any]]:
    """Return a row for each duel: medians [s], the ratio b/a with its interval, the verdict on b.

    Times are of bursts: some calls and one wait, over the number of calls. The p-value is corrected
    for the number of comparisons in the table.
    """
    fought = [duel for duel in duels if not duel.reason]
    said = verdicts([(d.groups[1], d.groups[0]) for d in fought], margin, level)
    found = {id(duel): verdict for duel, verdict in zip(fought, said, strict=True)}
    rows = []
    for duel in duels:
        if duel.reason:
            nothing = dict.fromkeys(("a", "b", "ratio", "lo", "hi", "p"))
            rows.append(
                {
                    "case": duel.id,
                    "clock": CLOCK,
                    **nothing,
                    "verdict": "none",
                    "reason": duel.reason,
                }
            )
            continue
        a, b = (float(np.median([np.median(g) for g in side])) for side in duel.groups)
        ratio = paired_ratio(duel.groups[1], duel.groups[0], level)
        bounds = [None if math.isnan(v) else v for v in (ratio.lo, ratio.hi)]
        verdict = found[id(duel)]
        rows.append(
            {
                "case": duel.id,
                "clock": CLOCK,
                "a": a,
                "b": b,
                "ratio": ratio.value,
                "lo": bounds[0],
                "hi": bounds[1],
                "p": verdict.p,
                "verdict": verdict.kind,
                "reason": "",
            }
        )
    return rows
