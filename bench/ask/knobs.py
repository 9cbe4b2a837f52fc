"""Knobs of a case: which values are asked of an operation for one question."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from impls.operation import Knob, Operation
from impls.problem import Problem, Scalar

SWEEP = "sweep"
"""Stands for all values that the operation declares."""


def settings(
    operation: Operation, problem: Problem, asked: Mapping[str, Sequence[Scalar] | str]
) -> list[dict[str, Scalar]]:
    """Return the values at which a question is put to an operation, without those by default.

    A knob that is not asked for stays at its default; values of several are combined.

    Raises:
        ValueError: when a value is not of the type of the knob's default.
    """
    mine = [knob for knob in operation.knobs if knob.name in asked]
    if not mine or operation.supports(problem):
        return [{}]
    points = itertools.product(*(_values(operation, knob, problem, asked) for knob in mine))
    found: list[dict[str, Scalar]] = []
    for point in points:
        chosen = {
            knob.name: value
            for knob, value in zip(mine, point, strict=True)
            if value != knob.default(problem)
        }
        if chosen not in found:
            found.append(chosen)
    return found


def _values(
    operation: Operation,
    knob: Knob,
    problem: Problem,
    asked: Mapping[str, Sequence[Scalar] | str],
) -> Sequence[Scalar]:
    values = asked[knob.name]
    if isinstance(values, str):
        return knob.values(problem)
    return [_typed(operation, knob, problem, value) for value in values]


def _typed(operation: Operation, knob: Knob, problem: Problem, value: Scalar) -> Scalar:
    default = knob.default(problem)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(default):
        raise ValueError(
            f"knob {knob.name} of {operation.name}: {value!r} is not like its default {default!r}; "
            f"it has {', '.join(map(str, knob.values(problem)))}"
        )
    return value
