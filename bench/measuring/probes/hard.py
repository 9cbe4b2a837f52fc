"""Is it right where code fails? What `bench check --hard` measures beside the errors.

* `error.*` as the gate has them, of all samples where they are few, else of the first, the last and
  some between; where the oracle is zero (a graph without edges), the output must be.
* `hard.strided`, `hard.unaligned`: difference of the answer to arrays with gaps, or off a boundary,
  from that to the same numbers in order.
* `hard.alone.<array>`: difference of a gradient asked alone from the same asked with all others.
* `hard.repeats`: share of equal calls whose answer differs in any bit from the first. Rounding in
  another order is let pass, and is noted.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bench.measuring import awkward
from bench.measuring.answers import discrepancy, largest
from bench.measuring.built_case import BATCH, BuiltCase, differentiable
from bench.measuring.probes import Doing, Probe, within
from bench.measuring.probes.gate import error
from bench.measuring.tolerances import tolerance
from bench.record.rows import Reading
from impls.family import Part
from impls.spaces import Arrays

WHOLE = 4096
"""Of so many samples, nodes or edges, or fewer, all are compared with the oracle."""
EDGE = 64
"""Of more, so many of the first, of the last, and of those between."""
REPEATS = 200
SECONDS = 1.0
"""Repeats end after so many seconds, but two are always taken."""


def errors(built: BuiltCase) -> Iterable[Reading | Doing]:
    """Yield the errors that the gate judges, of more samples; or whether zero is zero."""
    judged = replace(built, part=_part(built))
    expected = judged.judged().oracle(built.operation)
    if any(np.any(a) for a in expected.values()):
        yield from error(judged)
        return
    outputs = built.call(built.arrays())
    off = largest(np.max(np.abs(a), initial=0.0) for a in outputs.values())
    passed = off == 0.0
    shapes = {name: list(a.shape) for name, a in outputs.items()}
    problem = f"the oracle is zero everywhere, and {shapes} are not: up to {off:.1e}"
    yield Reading(
        "hard.zero",
        off if np.isfinite(off) else None,
        n=1,
        detail={} if passed else {"problem": problem},
        passed=passed,
        limit=0.0,
    )


def _part(built: BuiltCase) -> Part:
    """Return what is judged: all of it, or more than the gate takes where samples are counted."""
    problem, batch = built.problem, built.family.batch
    longest = max(len(a) for a in {**built.inputs, **built.weights}.values() if a.ndim)
    if longest <= WHOLE:
        return Part(problem)
    if batch is None:
        return built.part
    count = int(str(problem.sizes[batch]))
    between = built.rng(15).integers(count, size=EDGE)
    rows = np.unique([*range(min(EDGE, count)), *range(max(0, count - EDGE), count), *between])
    return Part(problem.with_sizes(**{batch: len(rows)}), {BATCH: rows})


def placed(built: BuiltCase) -> Iterable[Reading]:
    """Yield `hard.strided` and `hard.unaligned`; nothing for JAX, nor where a graph owns arrays."""
    if built.case.mode == "cudagraph":
        return
    framework = built.framework
    usual = framework.get(built.run())
    for name, place in (("strided", awkward.strided), ("unaligned", awkward.unaligned)):
        placed_at = [place(built.implementation.framework, part) for part in built.arguments]
        moved = [part for part in placed_at if part is not None]
        if len(moved) < len(placed_at):
            return
        yield _same(built, f"hard.{name}", framework.get(built.function(*moved)), usual)


def _same(built: BuiltCase, probe: str, found: Arrays, usual: Arrays) -> Reading:
    """Return the difference of two answers, relative to the second, judged by the tolerance."""
    limit = 2 * tolerance(built.problem, built.case.target)
    return within(probe, discrepancy(found, usual), limit)


def alone(built: BuiltCase) -> Iterator[Reading | Doing]:
    """Yield `hard.alone.<array>` in the gradient pass: each gradient by itself."""
    if built.case.pass_ != "grad":
        return
    framework, spaces = built.framework, {**built.read_spaces, **built.weight_spaces}
    usual = framework.get(built.run())
    for name in differentiable(spaces):
        yield Doing(f"the gradient of {name} alone")
        function = framework.make(built.code.call, "grad", built.case.mode, (name,))
        inputs, weights = (framework.leaves(part, (name,)) for part in built.arguments[:2])
        found = framework.get(function(inputs, weights, built.arguments[2]))
        mine: Mapping[str, Any] = {f"d_{name}": usual[f"d_{name}"]}
        yield _same(built, f"hard.alone.{name}", found, mine)


def repeats(built: BuiltCase) -> Iterator[Reading | Doing]:
    """Yield `hard.repeats`: the rate of calls that differ from the first, and by how much."""
    framework, began = built.framework, time.perf_counter()
    yield Doing("the repeats of a call")
    first = framework.get(built.run())
    differ, count, most = 0, 0, 0.0
    while count < REPEATS and (count < 2 or time.perf_counter() - began < SECONDS):
        again = framework.get(built.run())
        count += 1
        if not all(np.array_equal(again[name], a, equal_nan=True) for name, a in first.items()):
            differ += 1
            most = largest((most, discrepancy(again, first)))
    limit = tolerance(built.problem, built.case.target)
    passed = bool(most <= limit)
    said = f"{differ} of {count} calls differ from the first, by up to {most:.1e}"
    detail = {} if not differ else {"note": said} if passed else {"problem": said}
    yield Reading("hard.repeats", differ / count, n=count, detail=detail, passed=passed)


PROBES = (
    Probe("hard.error", errors),
    Probe("hard.placed", placed),
    Probe("hard.alone", alone),
    Probe("hard.repeats", repeats),
)
