"""`bench check`: is an implementation right, with its gradients and its claimed symmetry?

Every `check` problem of its family is put in double precision in every pass, and again in the lower
precisions of LOWER: each is answered within its tolerance, or refused by name.
"""

from __future__ import annotations

import argparse
import ast
import math
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from bench.ask import hard
from bench.ask.plan import Plan, Planned, cases, planned_of
from bench.ask.profile import Profile
from bench.ask.reading import load as load_profile
from bench.commands import pace, progress, question
from bench.commands.command import Command, Help, add_files, add_format, add_where
from bench.commands.rendering import render
from bench.commands.verdicts import Checked, summary
from bench.drive import headroom
from bench.drive.run import Events, execute
from bench.record import gpu
from bench.record.case import Case, Pass
from bench.record.rows import FINISHED, RowRead, load
from impls.implementation import Implementation, Target
from impls.near import unknown
from impls.registry import Registry
from impls.registry import load as load_registry

HARD_LIMIT = 60.0
"""What a hard case may take [s]."""
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
    if name not in registry.implementations:
        every_name = [*sorted(registry.implementations), *sorted(registry.operations)]
        raise ValueError(unknown("implementation or operation", name, every_name))
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
    planned = planned_for(implementations, registry, target, profile)
    plan = Plan("check", load_profile("check"), planned)
    found = checked(plan, implementations, registry, files, events, nonce)
    return [result.row() for result in found]


def checked(
    plan: Plan,
    implementations: Sequence[Implementation],
    registry: Registry,
    files: Sequence[str],
    events: Events,
    nonce: int | None = None,
) -> list[Checked]:
    """Return how each case of a plan ends; last, which implementations answer none of it."""
    with tempfile.TemporaryDirectory(prefix="equibench-check-") as scratch:
        execute(plan, registry, Path(scratch), files=files, nonce=nonce, events=events)
        rows = load(Path(scratch)) if plan.planned else []
    by_case: dict[str, list[RowRead]] = {}
    for row in rows:
        by_case.setdefault(row["case"], []).append(row)
    found = [_ended(of_case, registry) for of_case in by_case.values()]
    verified = {result.implementation for result in found if result.status == "ok"}
    reason = "no check problem of its family was answered rightly"
    wanted = {i.full_name for i in implementations}
    return found + [Checked(name, name, reason=reason) for name in sorted(wanted - verified)]


def _ended(rows: Sequence[RowRead], registry: Registry) -> Checked:
    """Return how a case ended, of all its rows."""
    values = {row["probe"]: row["value"] for row in rows if row["probe"] != FINISHED}
    (end,) = (row for row in rows if row["probe"] == FINISHED)
    missing = registry.implementation(end["implementation"]).missing() is not None
    refused = bool(end["detail"].get("refused")) and not missing
    return Checked(
        end["case"],
        end["implementation"],
        end["problem"],
        end["dtype"],
        cast(Pass, end["pass"]),
        end["status"],
        end["reason"],
        end["status"] == "ok" or refused,
        values,
        tuple(row["detail"]["note"] for row in rows if "note" in row["detail"]),
        end["detail"].get("diagnosis", {}),
        end["detail"].get("nonce"),
    )


def _nonce(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 on: take that of a row")
    return int(text)


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    parser.add_argument(
        "name", nargs="?", help="operation.implementation, an operation, or a file.py"
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="with a name: every case, not only what is wrong and why; without one: everything "
        "that is registered, in all frameworks: long",
    )
    parser.add_argument(
        "--nonce", type=_nonce, metavar="N", help="draw what judges as a row with this number did"
    )
    parser.add_argument(
        "--hard",
        action="store_true",
        help="where code fails, instead of the examples: sizes at boundaries, no edges, unsorted "
        "graphs, directions along the axis, arrays with gaps and off a boundary, one gradient at a "
        "time, many repeats; in three data types. With --family: all of this but other sizes, of "
        "that question",
    )
    parser.add_argument(
        "--limit", type=_seconds, metavar="SECONDS",
        help=f"what a case may take; default: that of the profile, {HARD_LIMIT:g} with --hard",
    )  # fmt: skip
    add_files(parser)
    add_where(parser)
    add_format(parser)
    question.add(parser, argv, "check")


def _run(arguments: argparse.Namespace) -> int:
    name = arguments.name or ""
    if not name and not arguments.all:
        raise ValueError("check what? name an implementation, an operation or a FILE.py, or --all")
    began = time.monotonic()
    file = name if name.endswith(".py") else None
    files = [*arguments.files, *([file] if file else [])]
    registry = load_registry(files)
    for note in filter(None, map(_early, files)):
        print(f"note: {note}", file=sys.stderr)
    meant = named(name, registry, file) if name else list(registry.implementations.values())
    target = Target(device=gpu.device_of(arguments.device, arguments.gpu))
    plan = _plan(arguments, meant, registry, target)
    if arguments.format == "table":
        print(_announced(plan, registry), file=sys.stderr)
    with progress.shown(plan.total, arguments.plain) as (events, _):
        results = checked(plan, meant, registry, files, events, arguments.nonce)
    _print(results, arguments.format, every=bool(name and arguments.all))
    failed = [result for result in results if not result.passed]
    if arguments.format == "table":
        seconds = time.monotonic() - began
        print(f"\n{len(results) - len(failed)} of {len(results)} passed, in {seconds:.0f} s")
    return 1 if failed else 0


def _early(file: str) -> str:
    """Return which frameworks a file imports when it is read, which its `build` had better do."""
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    named = [
        alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names
    ]
    named += [str(node.module) for node in tree.body if isinstance(node, ast.ImportFrom)]
    found = sorted({name.partition(".")[0] for name in named} & {"torch", "jax"})
    if not found:
        return ""
    return (
        f"{file} imports {' and '.join(found)} when it is read: import inside `build`, since every "
        "command that reads the file pays for it, and a process of another framework too"
    )


def _plan(
    arguments: argparse.Namespace,
    meant: Sequence[Implementation],
    registry: Registry,
    target: Target,
) -> Plan:
    """Return what is asked: a profile or a question, or what is hard."""
    settings = load_profile("check")
    own = arguments.family is not None or arguments.profile is not None
    if arguments.hard:
        settings = replace(settings, probes=hard.EVERYWHERE, case_timeout=HARD_LIMIT)
    if arguments.hard and not own:
        left = headroom.memories(target.device, 0)[-1].available
        planned = hard.planned(meant, registry, target, left)
    else:
        profile = question.profile_of(arguments, registry, "check")
        planned = planned_for(meant, registry, target, profile)
        planned = hard.closer_look(planned) if arguments.hard else planned
    if arguments.limit is not None:
        settings = replace(settings, case_timeout=arguments.limit)
    return Plan("check", settings, planned)


def _announced(plan: Plan, registry: Registry) -> str:
    """Return how much there is to do."""
    put = [planned.case for planned in plan.planned if planned.refused is None]
    device = put[0].target.device if put else "cpu"
    about = pace.in_words(pace.guess(plan, registry, device))
    refused, limit = len(plan.planned) - len(put), plan.settings.case_timeout
    return f"{len(put)} cases, {refused} refused: about {about}; at most {limit:g} s a case"


def _seconds(text: str) -> float:
    """Return a positive number of seconds."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} are no seconds: write a number above 0")
    return seconds


def _print(results: Sequence[Checked], style: str, every: bool) -> None:
    """Print what is wrong and why or, in other formats or where they are asked for, all cases."""
    if style == "table" and not every:
        print(summary(results))
    else:
        print(render([result.row() for result in results], style))


COMMAND = Command(
    "check",
    "Check implementations against the oracle, gradients and symmetry.",
    Help(
        examples=(
            "python -m bench check clebsch_gordan.torch_dense",
            "python -m bench check my_product.py",
            "python -m bench check --hard my_product.py",
            "python -m bench check --all --plain",
        ),
        gives=(
            "What is right, by data type and pass; of what is wrong the cause, the cases that "
            "have it, and errors by path. Exit code 1 when a case failed."
        ),
        then=(
            "python -m bench check NAME --all has every row with its nonce, --nonce N draws the "
            "same again; docs/checking.md says how causes are found. What is right: python -m "
            "bench run --with FILE.py."
        ),
    ),
    _add,
    _run,
)
