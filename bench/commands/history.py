"""`bench history`: measure the watched cases of this commit with asv, and publish its pages.

What is measured are the benchmarks of `bench.history`. Exit codes: 0 done; 1 a benchmark failed, or
the tree has uncommitted changes; 2 bad arguments or no asv.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence

from bench.commands.command import Command, Help
from bench.drive.locks import SHARED, place
from bench.record.machine import ROOT, provenance
from impls.implementation import Target


def _asv(*arguments: str, quiet: bool = False) -> int:
    """Run asv; it drops PYTHONPATH and imports the benchmarks by their folder's name."""
    command = [sys.executable, "-m", "asv", *arguments]
    variables = {**os.environ, "ASV_PYTHONPATH": str(ROOT)}
    shown = subprocess.DEVNULL if quiet else None
    done = subprocess.run(command, cwd=ROOT, env=variables, stdout=shown, check=False)
    return done.returncode


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    parser.add_argument("--bench", metavar="REGEX", help="only benchmarks whose name matches")


def _run(arguments: argparse.Namespace) -> int:
    if importlib.util.find_spec("asv") is None:
        raise ValueError("asv is not installed (pip install asv)")
    facts = provenance()
    if facts["dirty"] is not False:
        reason = "git is not there" if facts["dirty"] is None else "it has uncommitted changes"
        print(f"error: the tree {ROOT} is no commit: {reason}", file=sys.stderr)
        return 1
    chosen = ["--bench", arguments.bench] if arguments.bench else []
    same = f"existing:{sys.executable}"
    with place(Target()) as cores:
        if cores.shared:
            print(SHARED, file=sys.stderr)
        if cores.numbers:
            chosen += ["--cpu-affinity", ",".join(map(str, cores.numbers))]
        failed = _asv("machine", "--yes", quiet=True) or _asv(
            "run", "--environment", same, "--set-commit-hash", facts["commit"],
            "--record-samples", "--show-stderr", *chosen,
        )  # fmt: skip
    return 1 if _asv("publish") or failed else 0


COMMAND = Command(
    "history",
    "Measure the watched cases of this commit with asv, and publish its pages.",
    Help(
        examples=("python -m bench history --bench Gaunt",),
        gives=(
            "The numbers of this commit in .asv/results, and pages with those of all commits in "
            ".asv/html, which mark where a number went up. The tree has to be a commit."
        ),
        then=(
            "python -m asv preview shows the pages: the browser fetches jQuery, flot and Bootstrap "
            "from the network, so that without one they stay empty. There, python -m asv show and "
            "python -m asv compare A B print the same numbers."
        ),
    ),
    _add,
    _run,
)
