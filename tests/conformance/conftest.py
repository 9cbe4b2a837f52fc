"""What every implementation owes, judged in this process as `bench check` judges it in workers."""

from __future__ import annotations

import contextlib
import math
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench.case import PASSES, Case, refusal
from bench.check import in_lower_precision
from bench.probes import CHECK, probes
from bench.subject import build
from impls.implementation import MODES, Target
from impls.registry import load

ROOT = Path(__file__).parents[2]


class Conformance:
    """Takes an implementation through its gate on small problems."""

    def __init__(self, registry):
        self.registry = registry
        self.probes = [probes()[name] for name in CHECK]

    def examples(self, operation):
        """Return the small problems that an operation answers, the smallest first."""
        family = self.registry.family(self.registry.operation(operation).family)
        answered = [
            p for p in family.examples if self.registry.operation(operation).supports(p) is None
        ]
        return sorted(answered, key=lambda problem: self._numbers(operation, problem))

    def case(self, implementation, problem, pass_="fwd", dtype="float64", device="cpu"):
        return Case(
            replace(problem, dtype=dtype),
            implementation.full_name,
            pass_,
            MODES[implementation.framework][0],
            Target(device),
        )

    def smallest(self, implementation):
        """Return the smallest problem that an implementation answers; fail where there is none."""
        for problem in self.examples(implementation.operation):
            if refusal(self.case(implementation, problem), self.registry) is None:
                return problem
        return pytest.fail(f"{implementation.full_name} answers no example of its family")

    def cases(self, implementation):
        """Return the smallest problem in every pass, and in lower precision.

        A gradient in single precision is not asked of JAX here, to save a compilation; `bench
        check` asks for it.
        """
        problem = self.smallest(implementation)
        passes = PASSES if implementation.framework != "numpy" else ("fwd",)
        whole = [self.case(implementation, problem, pass_) for pass_ in passes]
        return [
            case
            for case in in_lower_precision(whole, self.registry)
            if implementation.framework != "jax"
            or (case.problem.dtype, case.pass_) != ("float32", "grad")
        ]

    def failures(self, implementation, cases=None):
        """Return a line for each gate that fails; what is refused must say what is at fault."""
        found = []
        for case in self.cases(implementation) if cases is None else cases:
            where = f"{case.problem.dtype} {case.pass_}"
            refused = refusal(case, self.registry)
            if refused:
                named = case.problem.dtype in refused.reason or case.pass_ == "grad2"
                if not (named and refused.remedy):
                    found.append(f"{where}: refused without its name or a remedy: {refused}")
                continue
            with self._precision(implementation, case.problem.dtype):
                subject = build(case, self.registry)
                found += [
                    f"{where}: {reading.probe} is {reading.value}, {reading.detail}"
                    for probe in self.probes
                    for reading in probe.measure(subject)
                    if reading.detail.get("passed") is False
                ]
        return found

    def _numbers(self, operation, problem):
        operation = self.registry.operation(operation)
        family = self.registry.family(operation.family)
        parts = family.inputs(problem), operation.weights(problem), operation.outputs(problem)
        return sum(math.prod(space.shape) for part in parts for space in part.values())

    @contextlib.contextmanager
    def _precision(self, implementation, dtype):
        """Let JAX have float64, and spend little on programs that run a dozen times."""
        if implementation.framework != "jax":
            yield
            return
        import jax

        before = jax.config.read("jax_disable_most_optimizations")
        jax.config.update("jax_disable_most_optimizations", True)
        try:
            with jax.enable_x64(dtype == "float64"):
                yield
        finally:
            jax.config.update("jax_disable_most_optimizations", before)


def pinned():
    """Return the modules that constraints.txt pins, as far as they are named as packages are."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    names = re.findall(r"^([\w.-]+)==", text, re.MULTILINE)
    return {name.lower().replace("-", "_") for name in names}


@pytest.fixture(scope="session")
def conformance():
    return Conformance(load())


@pytest.fixture(scope="session")
def conformance_with():
    """Return the same for what is built in and some implementations more."""

    def make(*implementations):
        registry = load()
        for implementation in implementations:
            registry.add(implementation, "a test")
        return Conformance(registry)

    return make


@pytest.fixture(scope="session")
def require():
    """Skip what needs a package that is not here; in CI, fail if constraints.txt pins it."""

    def require(implementation):
        missing = implementation.missing()
        if missing is None:
            return
        absent = missing.reason.removeprefix("not installed: ").split(", ")
        owed = sorted({name.partition(".")[0] for name in absent} & pinned())
        if os.environ.get("CI") and owed:
            pytest.fail(
                f"constraints.txt pins {', '.join(owed)}, which is not installed: {missing}"
            )
        pytest.skip(str(missing))

    return require
