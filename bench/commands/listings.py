"""`bench list`: operations, implementations, problems and cases, a row of plain data each.

A listing is asked with a profile and a pattern (`--select`); those of problems and cases follow
them, and the others list everything.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from analysis import catalogue
from bench.ask.plan import cases as cases_of
from bench.ask.profile import Profile
from bench.ask.selection import select
from bench.commands import question
from bench.commands.command import Command, Help, add_files, add_format, add_select
from bench.commands.rendering import render
from bench.record.case import Case, Refusals, case_id, problem_id
from impls.implementation import Target
from impls.registry import Registry
from impls.registry import load as load_registry


def operations(registry: Registry, profile: Profile, pattern: str) -> list[dict[str, Any]]:
    """Return the catalogue: what each operation computes, can express and costs."""
    rows = []
    for operation in sorted(registry.operations.values(), key=lambda o: o.name):
        implementations = registry.implementations_of(operation.name)
        known = catalogue.entry(operation, registry.family(operation.family), implementations)
        rows.append(
            {
                "operation": operation.name,
                "family": operation.family,
                "group": ", ".join(operation.exact),
                "inexact": operation.inexact,
                "refuses": [f"{name}: {why}" for name, why in operation.refused.items()],
                "papers": list(operation.papers),
                "computes": operation.summary,
                "paths": "{} of {}".format(*known.paths) if known.paths else None,
                "dim": list(known.dimensions) if known.dimensions else None,
                "cost": known.cost,
                "implementations": list(known.implementations),
                "users": list(operation.users),
            }
        )
    return rows


def implementations(registry: Registry, profile: Profile, pattern: str) -> list[dict[str, Any]]:
    """Return every implementation: whether it can run here, or why not."""
    rows = []
    for implementation in sorted(registry.implementations.values(), key=lambda i: i.full_name):
        missing = implementation.missing()
        operation = registry.operation(implementation.operation)
        rows.append(
            {
                "implementation": implementation.full_name,
                "operation": implementation.operation,
                "framework": implementation.framework,
                "available": missing is None,
                "reason": str(missing or ""),
                "cost": catalogue.order(implementation.growth or operation.growth),
            }
        )
    return rows


def problems(registry: Registry, profile: Profile, pattern: str) -> list[dict[str, Any]]:
    """Return the problems of a profile, by their facets."""
    kept = {case.problem for case in _selected(registry, profile, pattern)} if pattern else set()
    return [
        {
            "problem": problem_id(problem, registry),
            "family": problem.family,
            "dtype": problem.dtype,
            **registry.family(problem.family).facets(problem),
            "operations": [operation.name for operation in block.asked(registry)],
            **({"tier": block.tier} if block.tier else {}),
            "show": block.show,
        }
        for problem, block in profile.asked(registry)
        if not pattern or problem in kept
    ]


def cases(registry: Registry, profile: Profile, pattern: str) -> list[dict[str, Any]]:
    """Return the cases of a profile on the CPU, and why they are refused."""
    refusals = Refusals(registry)
    return [
        {
            "case": case_id(case, registry),
            "implementation": case.implementation,
            "pass": case.pass_,
            "refused": str(refusals(case) or ""),
        }
        for case in _selected(registry, profile, pattern)
    ]


def _selected(registry: Registry, profile: Profile, pattern: str) -> list[Case]:
    found = [case for case, _ in cases_of(profile, Target(), registry)]
    return select(found, pattern, registry, profile.name) if pattern else found


WIDTHS = {
    "group": 11, "inexact": 14, "refuses": 24, "papers": 14, "computes": 34, "dim": 14, "cost": 11,
    "implementations": 40, "users": 16,
}  # fmt: skip
"""Where the long columns of the catalogue are wrapped, in tables."""
LISTINGS = {
    "operations": operations,
    "implementations": implementations,
    "problems": problems,
    "cases": cases,
}


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    for name in LISTINGS:
        what.add_argument(f"--{name}", dest="what", action="store_const", const=name)
    add_select(parser)
    add_files(parser)
    add_format(parser)
    question.add(parser, argv, "default")


def _run(arguments: argparse.Namespace) -> int:
    registry = load_registry(arguments.files)
    profile = question.profile_of(arguments, registry)
    rows = LISTINGS[arguments.what](registry, profile, arguments.select)
    print(render(rows, arguments.format, WIDTHS))
    return 0


COMMAND = Command(
    "list",
    "List what is known: operations, implementations, problems or cases.",
    Help(
        examples=(
            "python -m bench list --operations",
            "python -m bench list --cases --profile quick --format csv",
        ),
        gives=(
            "A row for each: of operations what they compute, couple and cost, of implementations "
            "whether they run here, of cases why some are refused."
        ),
        then=(
            "python -m bench problem ... explains a question; python -m bench check NAME tries an "
            "implementation."
        ),
    ),
    _add,
    _run,
)
