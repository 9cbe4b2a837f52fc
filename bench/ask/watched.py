"""The watched cases: a small fixed set, followed from commit to commit.

The same cases serve the history (`bench.history`) and the inner loop (`tests/speed`). They are the
profile `watched`: data that depends on nothing that is installed, and their ids are pinned in
`tests/golden/case_ids.txt`, since a number is comparable only with one of the same id.
"""

from __future__ import annotations

from functools import lru_cache

from bench.ask import plan
from bench.ask.reading import load as load_profile
from bench.record.case import Case, Pass, case_id, problem_id
from impls.implementation import Target
from impls.registry import Registry, load


@lru_cache(maxsize=1)
def registry() -> Registry:
    """Return what is built in."""
    return load()


@lru_cache(maxsize=1)
def cases() -> tuple[Case, ...]:
    """Return all watched cases, always the same and in the same order; on one thread of the CPU."""
    return tuple(case for case, _ in plan.cases(load_profile("watched"), Target(), registry()))


def suites() -> dict[tuple[str, Pass], list[Case]]:
    """Return the cases of each operation and pass."""
    found: dict[tuple[str, Pass], list[Case]] = {}
    for case in cases():
        operation = registry().implementation(case.implementation).operation
        found.setdefault((operation, case.pass_), []).append(case)
    return found


def question(case: Case) -> str:
    """Return the name of the watched problem of a case."""
    return problem_id(case.problem, registry())


def ids() -> list[str]:
    """Return the ids of all watched cases."""
    return [case_id(case, registry()) for case in cases()]
