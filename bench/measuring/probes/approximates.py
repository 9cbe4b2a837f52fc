"""How far an operation is from the one that it approximates, at its knobs.

`approximates.<operation>` = |f - h_oracle| / |h_oracle|, f what is called and h the operation that
the called one names, with the same inputs and weights, in the forward pass. It gates nothing: an
approximation is right when it is its own oracle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bench.measuring.answers import norm
from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import Analysis, Probe, Record, Rows, of, reason
from bench.record.rows import Reading
from impls.operation import Operation


def approximates(built: BuiltCase) -> Iterable[Reading]:
    """Yield `approximates.<operation>` of an operation that names another, on the same question."""
    name = built.operation.approximates
    if name is None or built.case.pass_ != "fwd":
        return
    other, probe = built.registry.operation(name), f"approximates.{name}"
    detail = {"operation": name, "knobs": built.operation.knobs_of(built.problem)}
    if (refusal := other.supports(built.problem)) is not None:
        why = f"{name} refuses it: {refusal}"
        yield Reading(probe, None, detail={**detail, "unavailable": why})
        return
    judged = built.judged()
    found = judged.found(built.call(built.arrays()))
    wanted = judged.expected(other.oracle(judged.problem, judged.inputs, judged.weights))
    real = [key for key, space in judged.spaces.items() if space.kind == "real"]
    scale = norm(wanted[key] for key in real)
    if scale == 0.0:
        problem = f"the oracle of {name} is identically zero here"
        yield Reading(probe, None, detail={**detail, "problem": problem})
        return
    value = norm(found[key] - wanted[key] for key in real) / scale
    yield Reading(probe, value, n=1, detail=detail)


PROBES = (Probe("approximates", approximates),)


def _approximation(rows: Rows) -> Iterator[Record]:
    """Yield the distance from the other operation."""
    for row in of(rows, "approximates."):
        named = {"approximates": row["detail"]["operation"]}
        yield {**named, "error": row["value"], **reason(row)}


def _applies(operation: Operation) -> bool:
    return operation.approximates is not None


ANALYSES = (
    Analysis(
        "approximation",
        "How far an operation is from the one that it approximates, at values of its knobs.",
        ("error", "approximates"),
        _approximation,
        _applies,
        "--operation radial_spline --family distances --functions 64",
        "A line for each value of the knobs: the relative difference from the other operation.",
        "python -m bench run --knob NAME=VALUES says what each value costs.",
        swept=True,
        by_knob=True,
    ),
)
