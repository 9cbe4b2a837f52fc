"""The forward passes of the watched cases with pytest-benchmark, for the inner loop.

pytest tests/speed --benchmark-only [--framework jax]. Not part of the tests: one process times one
after another, so it shows regressions of 10 % and more; `bench run` compares.
"""

from typing import Any

import pytest

from bench.ask import watched
from bench.drive import alone
from bench.record.case import Case, case_id, problem_id
from impls.registry import load

REGISTRY = load()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    framework = metafunc.config.getoption("--framework", "torch")
    chosen = [
        case for case in watched.cases() if case.pass_ == "fwd" and _framework(case) == framework
    ]
    ids = [f"{case.implementation}-{watched.question(case)}" for case in chosen]
    metafunc.parametrize("case", chosen, ids=ids)


def _framework(case: Case) -> str:
    return REGISTRY.implementation(case.implementation).framework


def test_forward(benchmark: Any, case: Case) -> None:
    try:
        built = alone.opened(case, REGISTRY)
    except NotImplementedError as refused:
        pytest.skip(str(refused))
    assert all(reading.passed for reading in alone.errors(built)), "wrong is not timed"
    benchmark.group = problem_id(case.problem, REGISTRY)
    benchmark.extra_info["case"] = case_id(case, REGISTRY)
    benchmark(lambda: built.framework.wait(built.run()))
