"""`bench check`: is an implementation right, with its gradients and its claimed symmetry?

Every `check` problem of its family is put in double precision in every pass, and again in the lower
precisions of LOWER: each is answered within its tolerance, or refused by name.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.ask.plan import Plan, Planned, cases, planned_of
from bench.ask.profile import Profile
from bench.ask.reading import load as load_profile
from bench.commands import progress, question
from bench.commands.command import Command, add_files, add_format, add_where
from bench.commands.rendering import render
from bench.drive.run import Events, execute
from bench.record import gpu
from bench.record.case import Case, Pass
from bench.record.rows import FINISHED, load
from impls.implementation import Implementation, Target
from impls.registry import Registry
from impls.registry import load as load_registry

LOWER: Mapping[str, tuple[Pass, ...]] = {"float32": ("fwd", "grad"), "bfloat16": ("fwd",)}
"""Data types in which a double precision problem is put again, with the passes."""


def named(name: str, registry: Registry, file: str | None) -> list[Implementation]:
    """Return the implementations meant by a full name, an operation's name, or a file.

    Raises:
        ValueError: when nothing has that name, or the file declares no implementation.
    """
    every = list(registry.implementations.values())
    if file is not None:
        here = str(Path(file).resolve())
        found = [i for i in every if str(Path(registry.origin(i)).resolve()) == here]
        if not found:
            raise ValueError(f"{file} declares no Implementation at its top level")
        return found
    if name in registry.operations:
        found = registry.implementations_of(name)
        if not found:
            raise ValueError(f"operation {name!r} has no implementation yet")
        return found
    return [registry.implementation(name)]


def in_lower_precision(cases: Iterable[Case], registry: Registry) -> Iterator[Case]:
    """Yield the cases, each in double precision followed by itself in lower ones.

    NumPy, which has no bfloat16, is not asked for it.
    """
    for case in cases:
        yield case
        numpy = registry.implementation(case.implementation).framework == "numpy"
        for dtype, passes in LOWER.items():
            lower = case.problem.dtype == "float64" and case.pass_ in passes
            if lower and not (numpy and dtype == "bfloat16"):
                yield replace(case, problem=replace(case.problem, dtype=dtype))


def planned_for(
    implementations: Sequence[Implementation],
    registry: Registry,
    target: Target,
    profile: Profile,
) -> list[Planned]:
    """Return the cases of implementations in a profile, refused ones included."""
    wanted = {i.full_name for i in implementations}
    found = (case for case, _ in cases(profile, target, registry))
    asked = (case for case in found if case.implementation in wanted)
    return planned_of(list(in_lower_precision(asked, registry)), registry)


def check(
    implementations: Sequence[Implementation],
    registry: Registry,
    target: Target,
    files: Sequence[str],
    events: Events,
    profile: Profile,
    nonce: int | None = None,
) -> list[dict[str, Any]]:
    """Return one result for each of their cases in a profile, which is checked and not timed.

    `passed` is False for anything but ok and a refusal of the problem itself. An implementation
    of which no case was right has not passed either: there is a last row that says so. What judges
    a case is drawn from a number, its `nonce` where it failed: with it the same is drawn again.
    """
    wanted = {i.full_name for i in implementations}
    planned = planned_for(implementations, registry, target, profile)
    plan = Plan("check", load_profile("check"), planned)
    with tempfile.TemporaryDirectory(prefix="equibench-check-") as scratch:
        execute(plan, registry, Path(scratch), files=files, nonce=nonce, events=events)
        rows = load(Path(scratch)) if planned else []
    results: dict[str, dict[str, Any]] = {}
    for row in rows:
        result = results.setdefault(row["case"], {"case": row["case"]})
        if row["probe"] == FINISHED:
            refused = bool(row["detail"].get("refused"))
            missing = registry.implementation(row["implementation"]).missing() is not None
            result["status"] = row["status"]
            result["reason"] = row["reason"]
            result["passed"] = row["status"] == "ok" or (refused and not missing)
            if not result["passed"] and "nonce" in row["detail"]:
                result["nonce"] = row["detail"]["nonce"]
        else:
            result[row["probe"]] = row["value"]
    verified = {r["implementation"] for r in rows if r["probe"] == FINISHED and r["status"] == "ok"}
    listed = list(results.values())
    for name in sorted(wanted - verified):
        reason = "no check problem of its family was answered rightly"
        listed.append({"case": name, "status": "error", "reason": reason, "passed": False})
    return listed


def _nonce(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 on: take that of a row")
    return int(text)


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "name", nargs="?", help="operation.implementation, an operation, or a file.py"
    )
    which.add_argument(
        "--all", action="store_true", help="everything that is registered, in all frameworks: long"
    )
    parser.add_argument(
        "--nonce", type=_nonce, metavar="N", help="draw what judges as a row with this number did"
    )
    add_files(parser)
    add_where(parser)
    add_format(parser)
    question.add(parser, argv, "check")


def _run(arguments: argparse.Namespace) -> int:
    name = arguments.name or ""
    file = name if name.endswith(".py") else None
    files = [*arguments.files, *([file] if file else [])]
    registry = load_registry(files)
    every = list(registry.implementations.values())
    meant = every if arguments.all else named(name, registry, file)
    target = Target(device=gpu.device_of(arguments.device, arguments.gpu))
    profile = question.profile_of(arguments, registry, "check")
    total = len(planned_for(meant, registry, target, profile))
    with progress.shown(total, arguments.plain) as (events, _):
        results = check(meant, registry, target, files, events, profile, arguments.nonce)
    print(render(results, arguments.format))
    failed = [result for result in results if not result["passed"]]
    if arguments.format == "table":
        print(f"\n{len(results) - len(failed)} of {len(results)} passed")
    return 1 if failed else 0


COMMAND = Command(
    "check", "Check implementations against the oracle, gradients and symmetry.", _add, _run
)
