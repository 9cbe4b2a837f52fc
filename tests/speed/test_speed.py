"""The forward passes of the watched cases with pytest-benchmark, for the inner loop.

pytest tests/speed --benchmark-only [--framework jax]. Not part of the tests: one process times one
after another, so it shows regressions of 10 % and more; `bench run` compares.
"""

import functools
import os
from typing import Any

import pytest

from bench import watched
from bench.case import Case, case_id, problem_id, refusal
from bench.frameworks import load as load_framework
from bench.pool import environment, spec_of
from bench.probes import verdicts
from bench.subject import build
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


@functools.cache
def _started(name: str) -> Any:
    case = next(case for case in watched.cases() if _framework(case) == name)
    os.environ.update(environment(spec_of(case, REGISTRY)))
    framework = load_framework(name)
    framework.start(case.target, x64=False)
    return framework


def test_forward(benchmark: Any, case: Case) -> None:
    refused = refusal(case, REGISTRY)
    if refused:
        pytest.skip(str(refused))
    framework = _started(_framework(case))
    subject = build(case, REGISTRY)
    failed = [r for r in verdicts.error(subject) if not r.detail["passed"]]
    assert not failed, "what is wrong is not timed"
    benchmark.group = problem_id(case.problem, REGISTRY)
    benchmark.extra_info["case"] = case_id(case, REGISTRY)
    benchmark(lambda: framework.wait(subject.run()))
