"""What every implementation owes, judged in this process as `bench check` judges it in workers."""

from __future__ import annotations

import contextlib
import math
import os
from dataclasses import replace

import pytest

from bench.commands.check import in_lower_precision
from bench.measuring.built_case import build, differentiable
from bench.measuring.oracle_memory import OracleMemory
from bench.measuring.probes import CHECK, gate, probes
from bench.record.case import PASSES, Case, refusal
from impls.implementation import MODES, Target
from impls.registry import load
from impls.so3.irreps import Irreps
from tests.conftest import pinned


class Conformance:
    """Takes an implementation through its gate on small problems.

    What an oracle said is remembered, for the next implementation that is asked the same.
    """

    def __init__(self, registry, precision):
        self.registry, self._precision, self.memory = registry, precision, OracleMemory()
        self.probes = [probes()[name] for name in CHECK]

    def examples(self, operation):
        """Return the small problems that an operation answers, the smallest first."""
        family = self.registry.family(self.registry.operation(operation).family)
        declared = self.registry.operation(operation)
        answered = [problem for problem in family.examples if declared.supports(problem) is None]
        return sorted(answered, key=lambda problem: -self._telling(operation, problem)[-1])

    def case(self, implementation, problem, pass_="fwd", dtype="float64", device="cpu"):
        return Case(
            replace(problem, dtype=dtype),
            implementation.full_name,
            pass_,
            MODES[implementation.framework][0],
            Target(device),
        )

    def answered(self, implementation):
        """Return the examples that an implementation answers; fail where there is none."""
        found = [
            problem
            for problem in self.examples(implementation.operation)
            if refusal(self.case(implementation, problem), self.registry) is None
        ]
        if not found and self._answers_on_cuda(implementation):
            pytest.skip(f"{implementation.full_name} answers on CUDA alone")
        return found or pytest.fail(f"{implementation.full_name} answers no example of its family")

    def _answers_on_cuda(self, implementation):
        asked = (self.case(implementation, p, device="cuda")
                 for p in self.examples(implementation.operation))  # fmt: skip
        return any(refusal(case, self.registry) is None for case in asked)

    def cases(self, implementation):
        """Return the most telling example forward, the smallest in all else.

        To save compilations JAX is not asked here for second gradients, nor in lower precision for
        more than values, and where NumPy runs the same code for a value with its gradient alone.
        Second gradients of what is no polynomial would be compared with nested differences of the
        oracle. `bench check` asks for all of them.
        """
        answered, jax = self.answered(implementation), implementation.framework == "jax"
        telling = max(answered, key=lambda p: self._telling(implementation.operation, p))
        passes = PASSES if implementation.framework != "numpy" else ("fwd",)
        asked = [self.case(implementation, answered[0], pass_) for pass_ in passes]
        graded = [case for case in asked if case.pass_ == "grad"]
        if self._once_in_jax(implementation) and not refusal(graded[0], self.registry):
            return graded
        skipped = [("float64", "fwd")]
        if not self._polynomial(implementation.operation, answered[0]):
            skipped.append(("float64", "grad2"))
        if jax:
            skipped += [("float64", "grad2"), ("float32", "grad"), ("bfloat16", "fwd")]
        return [
            self.case(implementation, telling),
            *(
                case
                for case in in_lower_precision(asked, self.registry)
                if (case.problem.dtype, case.pass_) not in skipped
            ),
        ]

    def failures(self, implementation, cases=None):
        """Return a line for each gate that fails; what is refused must say what is at fault."""
        found = []
        for case in self.cases(implementation) if cases is None else cases:
            where = f"{case.problem.dtype} {case.pass_}"
            refused = refusal(case, self.registry)
            if refused:
                why = self.registry.operation(implementation.operation).why_not(case.pass_)
                named = case.problem.dtype in refused.reason or case.pass_ == "grad2" or why
                if not (named and refused.remedy):
                    found.append(f"{where}: refused without its name or a remedy: {refused}")
                continue
            with self._precision(implementation.framework, case.problem.dtype), _directions(case):
                built = replace(build(case, self.registry), memory=self.memory)
                found += [f"{where}: {line}" for line in self._failed(case, built)]
        return found

    def _failed(self, case, built):
        """Yield what failed, and no more after a wrong value: the rest would mean nothing."""
        for probe in self._probes(case, built):
            failed = [r for r in probe.measure(built) if r.passed is False]
            yield from (f"{r.probe} is {r.value}, {r.detail}" for r in failed)
            if failed and probe.name == "error":
                return

    def _probes(self, case, built):
        """Return the probes of a case; the timed call of JAX, compiled for it, is called once.

        How code behaves, but for its numbers, NumPy and PyTorch are asked where it is the same:
        where it runs nothing of its own, as a kernel does. What indices do to a result has nothing
        to do with its precision.
        """
        implementation = self.registry.implementation(case.implementation)
        if self._once_in_jax(implementation) and not built.code.runs:
            return [probe for probe in self.probes if probe.name in ("error", "equiv")]
        jax, numpy = implementation.framework == "jax", implementation.framework == "numpy"
        left = [] if numpy else ["by_knob"]  # what a knob does is the operation's, not the code's
        if jax and (case.problem.dtype, case.pass_) != ("float64", "fwd"):
            left.append("conduct")
        if case.problem.dtype != "float64":
            left.append("conduct.indices")
        return [probe for probe in self.probes if probe.name not in left]

    def _once_in_jax(self, implementation):
        """Return whether JAX runs code here that NumPy runs too."""
        name = implementation.full_name
        return ".jax_" in name and name.replace(".jax_", ".numpy_") in self.registry.implementations

    def _polynomial(self, operation, problem):
        """Return whether an operation says that it is one, in all that it differentiates."""
        declared = self.registry.operation(operation)
        family = self.registry.family(declared.family)
        spaces = {**declared.taken(family.inputs(problem)), **declared.weights(problem)}
        return set(differentiable(spaces)) <= {name for name, _ in declared.linear_in}

    def _telling(self, operation, problem):
        """Return what orders examples: claimed subgroups, Spaces of several irreps, numbers.

        Of one irrep in and out, a product that swaps x and y may well be the same.
        """
        operation = self.registry.operation(operation)
        family = self.registry.family(operation.family)
        parts = family.inputs(problem), operation.weights(problem), operation.outputs(problem)
        spaces = [space for part in parts for space in part.values()]
        claimed = set(operation.exact) & set(family.group(problem).subgroups)
        several = sum(len(set(Irreps.parse(s.irreps).items)) > 1 for s in spaces if s.irreps)
        return len(claimed), several, -sum(math.prod(space.shape) for space in spaces)


@contextlib.contextmanager
def _directions(case):
    """Judge gradients in double precision, where limits are wide, along half the directions."""
    with pytest.MonkeyPatch.context() as patch:
        if case.problem.dtype == "float64":
            patch.setattr(gate, "DIRECTIONS", gate.DIRECTIONS // 2)
        yield


@pytest.fixture(scope="session")
def conformance(precision):
    return Conformance(load(), precision)


@pytest.fixture(scope="session")
def conformance_with(precision):
    """Return the same for what is built in and some implementations more."""

    def make(*implementations):
        registry = load()
        for implementation in implementations:
            registry.add(implementation, "a test")
        return Conformance(registry, precision)

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
