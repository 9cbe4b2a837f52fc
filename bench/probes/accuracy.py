"""How many digits a case loses against the float64 oracle, over magnitudes of its inputs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from analysis.accuracy import sweep
from bench.probes import Probe
from bench.probes.symmetry import eps_of
from bench.rows import Reading
from bench.subject import Subject
from bench.tolerances import tolerance
from impls.spaces import Arrays


def accuracy(subject: Subject) -> Iterable[Reading]:
    """Yield `accuracy.<magnitude>`: the relative error with inputs multiplied by a magnitude.

    Scaled are the inputs in which the map is a polynomial, or all of them. At magnitude 1 the
    tolerance of the gate is required, and at every other that the result is finite.
    """
    if subject.case.pass_ != "fwd":
        return
    judged, operation = subject.judged(), subject.operation
    spaces = subject.read_spaces
    named = [name for name, _ in operation.linear_in if name in spaces]
    scaled = named or [name for name, space in spaces.items() if space.kind == "real"]
    real = {name: space for name, space in spaces.items() if space.kind == "real"}

    def rounded(arrays: Arrays) -> Arrays:
        kept = {name: arrays[name] for name in real}
        put = subject.framework.put(kept, real, subject.problem.dtype, subject.case.target)
        return {**arrays, **subject.framework.get(put)}

    def call(arrays: Arrays) -> Arrays:
        return judged.found(subject.call({**subject.arrays(), **arrays}))

    def oracle(arrays: Arrays) -> Arrays:
        part = judged.part.cut(spaces, arrays)
        return judged.expected(operation.oracle(judged.problem, part, judged.weights))

    limit, eps = tolerance(subject.problem, subject.case.target), eps_of(subject)
    found = sweep(call, oracle, subject.inputs, subject.output_spaces, scaled, rounded)
    for magnitude, result in found.items():
        finite = math.isfinite(result.error)
        worst, largest = result.worst
        detail: dict[str, Any] = {
            "magnitude": magnitude,
            "digits_lost": result.digits_lost(eps),
            "worst": worst,
            "worst_error": largest,
            "per_irrep": dict(result.per_irrep),
            "passed": finite and (magnitude != 1.0 or result.error <= limit),
        }
        if magnitude == 1.0:
            detail["tolerance"] = limit
        if not finite:
            detail["problem"] = f"not finite when inputs are multiplied by {magnitude:g}"
        value = result.error if finite else None
        yield Reading(f"accuracy.{magnitude:g}", value, n=1, detail=detail)


PROBES = (Probe("accuracy", accuracy),)
