"""What there is: operations, implementations, problems and cases, a row of plain data each."""

from __future__ import annotations

from typing import Any

from analysis import catalogue
from bench import profiles
from bench.case import Refusals, case_id, problem_id
from impls.implementation import Target
from impls.registry import Registry


def operations(registry: Registry, profile: str) -> list[dict[str, Any]]:
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


def implementations(registry: Registry, profile: str) -> list[dict[str, Any]]:
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


def problems(registry: Registry, profile: str) -> list[dict[str, Any]]:
    """Return the problems of a profile, by their facets."""
    rows = []
    for ask in profiles.asks(profile, registry):
        facets = registry.family(ask.problem.family).facets(ask.problem)
        rows.append(
            {
                "problem": problem_id(ask.problem, registry),
                "family": ask.problem.family,
                "dtype": ask.problem.dtype,
                **facets,
                "operations": list(ask.operations),
            }
        )
    return rows


def cases(registry: Registry, profile: str) -> list[dict[str, Any]]:
    """Return the cases of a profile on the CPU, and why they are refused."""
    refusals = Refusals(registry)
    return [
        {
            "case": case_id(case, registry),
            "implementation": case.implementation,
            "pass": case.pass_,
            "refused": str(refusals(case) or ""),
        }
        for case in profiles.cases(profile, Target(), registry)
    ]


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
