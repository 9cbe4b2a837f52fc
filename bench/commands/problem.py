"""`bench problem`: what a question is and who answers it, without running anything.

A row for each question and each operation that it is put to: the shapes of inputs, weights and
outputs, the paths, the useful flops and bytes (the operation's own count), the memory that the
arrays alone need, and which implementations would run, or why none does.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.ask import knobs
from bench.ask.plan import answers
from bench.ask.profile import Block, Profile
from bench.commands import question
from bench.commands.command import Command, Help, add_files, add_format
from bench.commands.rendering import render
from bench.record.case import Case, problem_id, refusal
from impls.implementation import MODES, Implementation, Target
from impls.operation import Operation
from impls.problem import BYTES, Problem
from impls.registry import Registry
from impls.registry import load as load_registry
from impls.spaces import Space

WIDTHS = {
    "problem": 40, "reason": 40, "inputs": 28, "weights": 24, "outputs": 28,
    "implementations": 34, "refused": 44,
}  # fmt: skip
FIXED = {"index": 8, "mask": 1}
"""Bytes of one entry of an array that has no data type of the problem."""


def rows(profile: Profile, target: Target, registry: Registry) -> list[dict[str, Any]]:
    """Return what is known of every question of a profile, a row for each operation."""
    return [
        row
        for problem, block in profile.asked(registry)
        for row in _of_problem(problem, block, profile, target, registry)
    ]


def _of_problem(
    problem: Problem, block: Block, profile: Profile, target: Target, registry: Registry
) -> Iterator[dict[str, Any]]:
    found = list(answers(problem, block, profile.tier(block), target, registry))
    for operation in block.asked(registry):
        mine = [i for _, i in found if i.operation == operation.name]
        for turned in knobs.settings(operation, problem, block.knobs):
            yield {
                "problem": problem_id(problem, registry),
                "operation": operation.name,
                **{f"knob.{k}": v for k, v in turned.items()},
                **_of_operation(operation, problem, turned, registry),
                **_runs(mine, problem, turned, target, registry),
            }


def _of_operation(
    operation: Operation, problem: Problem, turned: Mapping[str, Any], registry: Registry
) -> dict[str, Any]:
    """Return what an operation makes of a question, or why it refuses it."""
    family = registry.family(problem.family)
    inputs = operation.taken(family.inputs(problem))
    seen = problem.at(**turned)
    refused = operation.supports(seen)
    base = {
        "answers": refused is None,
        "reason": str(refused or ""),
        "inputs": _shapes(inputs),
        **dict.fromkeys(("weights", "outputs", "paths", "flops", "bytes", "memory")),
    }
    if refused:
        return base
    weights, outputs = operation.weights(seen), operation.outputs(seen)
    cost = operation.cost(seen)
    return base | {
        "weights": _shapes(weights),
        "outputs": _shapes(outputs),
        "paths": len(operation.coefficients(seen)) if operation.coefficients else None,
        "flops": cost.get("flops"),
        "bytes": cost.get("bytes"),
        "memory": sum(
            _bytes(space, problem)
            for spaces in (inputs, weights, outputs)
            for space in spaces.values()
        ),
    }


def _shapes(spaces: Mapping[str, Space]) -> str:
    """Return the names of arrays with their shapes."""
    return "; ".join(
        f"{name} [{', '.join(map(str, space.shape))}]" for name, space in spaces.items()
    )


def _bytes(space: Space, problem: Problem) -> int:
    """Return the bytes of an array."""
    return math.prod(space.shape) * FIXED.get(space.kind, BYTES[problem.dtype])


def _runs(
    implementations: list[Implementation],
    problem: Problem,
    turned: Mapping[str, Any],
    target: Target,
    registry: Registry,
) -> dict[str, Any]:
    """Return which implementations would run, and why others would not."""
    runs, refused = [], []
    for implementation in implementations:
        mode = MODES[implementation.framework][0]
        case = Case(problem, implementation.full_name, "fwd", mode, target, {}, turned)
        why = refusal(case, registry)
        name = implementation.name
        if why is None:
            runs.append(name)
        elif registry.operation(implementation.operation).supports(case.seen) is None:
            refused.append(f"{name}: {why}")
    return {"implementations": runs, "refused": refused}


def _add(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    add_files(parser)
    add_format(parser)
    question.add(parser, argv, "default")


def _run(arguments: argparse.Namespace) -> int:
    registry = load_registry(arguments.files)
    found = rows(question.profile_of(arguments, registry), Target(), registry)
    print(render(found, arguments.format, WIDTHS))
    return 0


COMMAND = Command(
    "problem",
    "Explain questions, without a run: sizes, cost, who answers and who does not.",
    Help(
        examples=("python -m bench problem --family product --setting mimo --lmax 1,2,3",),
        gives=(
            "A row for each question and operation: shapes, paths, flops, bytes, the memory that "
            "the arrays need, who would run, and why others would not."
        ),
        then="python -m bench run with the same words measures it.",
    ),
    _add,
    _run,
)
