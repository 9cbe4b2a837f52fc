"""What `bench check --hard` asks: the questions where code fails.

Of a family that counts samples: its smallest example, at the sizes of warps, tiles and blocks and
at one more and one less, with an array above 2^31 bytes where there is memory for it, and with each
other generator of data. Of another: what it declares `hard`. In all data types, forward and
gradient; second gradients in double precision. Or questions of a user's own, all looked at closely.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench.ask.plan import Planned, planned_of
from bench.record.case import Case, Pass
from impls.family import Family
from impls.implementation import MODES, Implementation, Target
from impls.operation import Operation
from impls.problem import Problem, Refusal
from impls.registry import Registry

BOUNDARIES = (1, 2, 31, 32, 33, 2047, 2048, 2049, 65535, 65536, 65537)
"""Numbers of samples."""
ABOVE = 2**31
"""Bytes of an array beyond which an offset no longer fits into 32 bits."""
BYTES_HELD = 40
"""What the harness and a frugal call hold for each number of such a case [B]: canonical arrays in
double precision, their copies, and the framework's own."""
PASSES: dict[str, tuple[Pass, ...]] = {
    "float64": ("fwd", "grad", "grad2"),
    "float32": ("fwd", "grad"),
    "bfloat16": ("fwd",),
}
MIDDLE = 33
"""So many samples have the probes that compile anew: one operand alone, awkward places."""
EVERYWHERE = ("hard.error",)
REPEATED = ("hard.repeats",)
CLOSELY = ("conduct", "conduct.linear", "conduct.cached", "conduct.indices", "hard.placed",
           "hard.alone")  # fmt: skip


def planned(
    implementations: Sequence[Implementation],
    registry: Registry,
    target: Target,
    available: int,
) -> list[Planned]:
    """Return the hard cases of implementations; `available` is the memory that may be used [B]."""
    found: list[Planned] = []
    for implementation in implementations:
        operation = registry.operation(implementation.operation)
        family = registry.family(operation.family)
        asked = list(_cases(implementation, operation, family, target))
        for one, closely in zip(
            planned_of([case for case, _ in asked], registry),
            [closely for _, closely in asked],
            strict=True,
        ):
            also = (*REPEATED, *CLOSELY) if closely else REPEATED
            found.append(replace(one, also=also))
        found += _large(implementation, operation, family, registry, target, available)
    return found


def closer_look(asked: Sequence[Planned]) -> list[Planned]:
    """Return other questions, all looked at closely: a size may be what is hard."""
    return [replace(one, also=(*one.also, *REPEATED, *CLOSELY)) for one in asked]


def _cases(
    implementation: Implementation, operation: Operation, family: Family, target: Target
) -> Iterator[tuple[Case, bool]]:
    """Yield cases, and whether they are looked at closely."""
    for problem in questions(implementation, operation, family, target):
        closely = _count(problem, family) == MIDDLE
        for dtype, passes in PASSES.items():
            if implementation.framework == "numpy" and dtype == "bfloat16":
                continue
            for pass_ in passes[:1] if implementation.framework == "numpy" else passes:
                yield _case(implementation, replace(problem, dtype=dtype), pass_, target), closely


def _case(implementation: Implementation, problem: Problem, pass_: Pass, target: Target) -> Case:
    mode = MODES[implementation.framework][0]
    return Case(problem, implementation.full_name, pass_, mode, target)


def _count(problem: Problem, family: Family) -> int:
    """Return how many samples, or else what the longest axis of an input has."""
    if family.batch is not None:
        return int(str(problem.sizes[family.batch]))
    return max(space.shape[0] for space in family.inputs(problem).values() if space.shape)


def questions(
    implementation: Implementation, operation: Operation, family: Family, target: Target
) -> list[Problem]:
    """Return the hard questions that an implementation is asked; those that it refuses are said.

    The examples that it answers are put at all boundaries and with all data; of a family that
    counts no samples, with the data of its hard questions, where it answers none of these.
    """
    found, answered = list(family.hard), _answered(implementation, operation, family, target)
    if not answered:
        return found
    if family.batch is not None:
        found += [answered[0].with_sizes(**{family.batch: count}) for count in BOUNDARIES]
        others = [name for name in family.data if name != answered[0].data]
        tried = [replace(example, data=name) for name in others for example in answered]
    else:
        refused = all(operation.supports(problem) is not None for problem in found)
        tried = [replace(answered[0], data=problem.data) for problem in found if refused]
    accepted = [problem for problem in tried if family.check(problem) is None]
    return found + list({problem.data: problem for problem in reversed(accepted)}.values())


def _answered(
    implementation: Implementation, operation: Operation, family: Family, target: Target
) -> list[Problem]:
    """Return the examples that it answers, the smallest first."""
    answered = [
        problem
        for problem in family.examples
        if operation.supports(problem) is None and implementation.supports(problem, target) is None
    ]
    return sorted(answered, key=lambda problem: sum(_numbers(problem, operation, family).values()))


def _numbers(problem: Problem, operation: Operation, family: Family) -> dict[str, int]:
    """Return how many numbers each array of a problem has, outputs and weights included."""
    spaces = {
        **operation.taken(family.inputs(problem)),
        **operation.weights(problem),
        **operation.outputs(problem),
    }
    return {name: math.prod(space.shape) for name, space in spaces.items()}


def _large(
    implementation: Implementation,
    operation: Operation,
    family: Family,
    registry: Registry,
    target: Target,
    available: int,
) -> list[Planned]:
    """Return the case whose largest array is above 2^31 bytes, refused where memory is short."""
    answered = _answered(implementation, operation, family, target)
    if not answered:
        return []
    smallest = answered[0]
    if family.batch is None:
        case = _case(implementation, replace(smallest, dtype="float32"), "fwd", target)
        said = Refusal(
            f"an array above {ABOVE} bytes: family {family.name} counts no samples",
            "ask for a large problem by name",
        )
        (one,) = planned_of([case], registry)
        return [replace(one, refused=one.refused or said)]
    single = smallest.with_sizes(**{family.batch: 1})
    each = _numbers(single, operation, family)
    count = ABOVE // (4 * max(each.values())) + 1
    problem = replace(smallest.with_sizes(**{family.batch: count}), dtype="float32")
    needed = BYTES_HELD * sum(_numbers(problem, operation, family).values())
    (one,) = planned_of([_case(implementation, problem, "fwd", target)], registry)
    if needed <= available:
        return [one]
    short = Refusal(
        f"an array above {ABOVE} bytes: {needed / 2**30:.0f} GiB of memory are needed, "
        f"{available / 2**30:.0f} are left",
        "use a larger machine",
    )
    return [replace(one, refused=one.refused or short)]
