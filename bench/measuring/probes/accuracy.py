"""How many digits a case loses against the float64 oracle, over magnitudes of its inputs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from analysis.accuracy import sweep
from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import Analysis, Probe, Record, Rows, couples, of, reason
from bench.measuring.probes.symmetry import eps_of
from bench.measuring.tolerances import tolerance
from bench.record.rows import Reading
from impls.spaces import Arrays


def accuracy(built: BuiltCase) -> Iterable[Reading]:
    """Yield `accuracy.<magnitude>`: the relative error with inputs multiplied by a magnitude.

    Scaled are the inputs in which the map is a homogeneous polynomial: it then scales with them,
    and the tolerance of the gate is required at each magnitude. Where there are none all inputs are
    scaled; the tolerance is required at magnitude 1, and at every other that the result is finite.
    """
    if built.case.pass_ != "fwd":
        return
    judged, operation = built.judged(), built.operation
    spaces = built.read_spaces
    named = [name for name, _ in operation.linear_in if name in spaces]
    scaled = named or [name for name, space in spaces.items() if space.kind == "real"]
    real = {name: space for name, space in spaces.items() if space.kind == "real"}

    def rounded(arrays: Arrays) -> Arrays:
        kept = {name: arrays[name] for name in real}
        put = built.framework.put(kept, real, built.problem.dtype, built.case.target)
        return {**arrays, **built.framework.get(put)}

    def call(arrays: Arrays) -> Arrays:
        return judged.found(built.call({**built.arrays(), **arrays}))

    def oracle(arrays: Arrays) -> Arrays:
        part = judged.part.cut(spaces, arrays)
        return judged.expected(operation.oracle(judged.problem, part, judged.weights))

    limit, eps = tolerance(built.problem, built.case.target), eps_of(built)
    found = sweep(call, oracle, built.inputs, built.output_spaces, scaled, rounded)
    for magnitude, result in found.items():
        finite = math.isfinite(result.error)
        worst, largest = result.worst
        detail: dict[str, Any] = {
            "magnitude": magnitude,
            "digits_lost": result.digits_lost(eps),
            "worst": worst,
            "worst_error": largest,
            "per_irrep": dict(result.per_irrep),
        }
        if not finite:
            detail["problem"] = f"not finite when inputs are multiplied by {magnitude:g}"
        judged_here = bool(named) or magnitude == 1.0
        yield Reading(
            f"accuracy.{magnitude:g}",
            result.error if finite else None,
            n=1,
            detail=detail,
            limit=limit if judged_here else None,
            passed=finite and (not judged_here or result.error <= limit),
        )


PROBES = (Probe("accuracy", accuracy),)


def _accuracy(rows: Rows) -> Iterator[Record]:
    """Yield the error and the digits lost at each magnitude of the inputs."""
    names = ("digits_lost", "worst", "worst_error")
    for row in of(rows, "accuracy."):
        detail = row["detail"]
        yield {
            "magnitude": detail["magnitude"],
            "error": row["value"],
            **{name: detail[name] for name in names},
            "passed": row["passed"],
            **reason(row),
        }


ANALYSES = (
    Analysis(
        "accuracy",
        "Digits lost against the float64 oracle, by magnitude of the inputs.",
        ("accuracy",),
        _accuracy,
        couples,
        "--operation gaunt --symmetry o3 --dtype float32 --lmax 6",
        (
            "A line for each implementation, data type and magnitude: the largest relative error, "
            "the digits that are lost, and whether the tolerance holds."
        ),
        "python -m bench check NAME --hard looks for inputs on which more is lost.",
        swept=True,
    ),
)
