"""Are results remembered? A call that is timed again and again sees the same arrays each time.

* `conduct.cached`: the timed call's own arrays, changed in place, have the answer that new arrays
  with the same contents have: it does not go by which arrays they are.
* `conduct.fresh`: how many times longer a call takes on contents that it has never seen than on the
  same ones again: it does not go by what is in them either.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.measuring.answers import discrepancy, peak
from bench.measuring.built_case import BuiltCase, differentiable
from bench.measuring.clocks import no_garbage_collection
from bench.measuring.probes import Probe, within
from bench.measuring.processors import used_by
from bench.measuring.tolerances import tolerance
from bench.record.rows import Reading
from impls.implementation import Tensors

RATIO = 1.5
"""A call may take so many times longer when its arrays have new contents."""
BURST = 2e-3
"""Calls are taken together until they last so long [s], so that short ones are resolved."""
MOST = 64
"""So many calls at most: each has contents, and in JAX arrays, of its own."""
BYTES = 2**27
"""All arrays that are held beside the arguments take no more than this [B], or are of one call."""
TRIES = 15
"""So often new contents must take longer."""


def cached(built: BuiltCase) -> Iterable[Reading]:
    """Yield `conduct.cached`: 0 when the timed call sees that its own arrays have new contents.

    An implementation that remembers results by the identity of its arguments is right on every
    new array and does nothing when it is timed. The contents of all real inputs and weights are
    changed in place and restored; the answer must be that to fresh arrays with the same contents.
    Nothing where arrays are immutable (JAX), or where a replayed graph owns them.
    """
    framework, arguments = built.framework, built.arguments
    if built.implementation.framework == "jax" or built.case.mode == "cudagraph":
        return
    wanted = differentiable(built.input_spaces) if built.case.pass_ != "fwd" else ()
    real = [{n: a for n, a in part.items() if framework.real(a)} for part in arguments[:2]]
    before = [{name: a * 1 for name, a in part.items()} for part in real]
    changed = [{name: a * a + 0.5 * a for name, a in part.items()} for part in before]
    earlier = framework.held(built.run())
    try:
        for part, new in zip(real, changed, strict=True):
            for name, a in part.items():
                framework.overwrite(a, new[name])
        own = framework.held(built.run())
        inputs, weights = (
            framework.leaves({**part, **new}, wanted)
            for part, new in zip(arguments[:2], changed, strict=True)
        )
        other = framework.held(built.function(inputs, weights, arguments[2]))
        value, limit = discrepancy(own, other), tolerance(built.problem, built.case.target)
        passed = bool(value <= limit)
        again = own if passed else framework.held(built.run())
    finally:
        for part, old in zip(real, before, strict=True):
            for name, a in part.items():
                framework.overwrite(a, old[name])
    problem = "" if passed else _unlike(own, other, again, earlier, limit)
    yield Reading(
        "conduct.cached",
        value if np.isfinite(value) else None,
        n=1,
        detail={"problem": problem} if problem else {},
        passed=passed,
        limit=limit,
    )


def _unlike(own: Tensors, other: Tensors, again: Tensors, earlier: Tensors, limit: float) -> str:
    """Return why the timed call's own arrays, changed in place, have another answer than new ones.

    `again` is the same call once more, `earlier` that before the arrays were changed.
    """
    if not all(np.isfinite(peak(a)) for answer in (own, other) for a in answer.values()):
        return "the answer to arrays changed in place, or to new ones like them, is not finite"
    if not discrepancy(own, again) <= limit:
        return "two calls with the same contents of arrays have different answers"
    if discrepancy(own, earlier) <= limit:
        return "the call remembers results by the identity of its arguments"
    return (
        "the answer to arrays changed in place is not that to new ones with the same contents, "
        "nor that from before the change"
    )


Question = tuple[tuple[Tensors, Tensors, Tensors], Sequence[tuple[Any, Any]]]
"""Arguments of a call, and before it what is written where."""


@dataclass(frozen=True)
class _Asked:
    """Calls to be timed: `calls(count, new)` has new contents in each, or those that are known.

    The first `lead` are not timed. `most` is how many there may be; `kept` is what was where.
    """

    calls: Callable[[int, bool], list[Question]]
    most: int
    lead: int = 0
    kept: Sequence[tuple[Any, Any]] = ()


def fresh(built: BuiltCase) -> Iterable[Reading]:
    """Yield `conduct.fresh`; nothing for a graph, which owns its arrays.

    Bursts of calls with new contents take turns with bursts with known ones, and both find the
    caches of the processor alike: before each call as much is written, into the arguments or
    elsewhere. Where arrays are immutable, each call gets its own: multiples, or copies. Wrong is
    what each of TRIES times takes more than RATIO times longer than half of the others. One burst
    with new contents that does not take so much longer than the shortest of the others ends it:
    whatever else runs here only adds.
    """
    if built.case.mode == "cudagraph":
        return
    asked = (_replaced if built.implementation.framework == "jax" else _overwritten)(built)
    count, seconds = 1, {True: list[float](), False: list[float]()}
    try:
        with no_garbage_collection():
            _seconds(built, asked, 1, new=False)  # the first may compile
            while _seconds(built, asked, count, new=False) < BURST and count < asked.most:
                count = min(4 * count, asked.most)
            for number in range(TRIES):
                for new in (True, False) if number % 2 else (False, True):
                    seconds[new].append(_seconds(built, asked, count, new=new))
                if min(seconds[True]) <= RATIO * min(seconds[False]):
                    break
    finally:
        for place, value in asked.kept:
            built.framework.overwrite(place, value)
    longer = min(seconds[True]) / statistics.median(seconds[False])
    problem = f"the call is {longer:.1f} times faster on contents that it has seen before"
    yield within("conduct.fresh", longer, RATIO, problem if longer > RATIO else "", calls=count)


def _seconds(built: BuiltCase, asked: _Asked, count: int, *, new: bool) -> float:
    """Return the seconds of a burst: of processors, which others do not take, where it can be."""
    questions = asked.calls(asked.lead + count, new)

    def burst(some: Sequence[Question]) -> None:
        out: Tensors = {}
        for arguments, changes in some:
            for place, value in changes:
                built.framework.overwrite(place, value)
            out = dict(built.function(*arguments))
        built.framework.wait(out)

    burst(questions[: asked.lead])
    if built.case.target.device == "cpu":
        return used_by(lambda: burst(questions[asked.lead :]))
    start = time.perf_counter()
    burst(questions[asked.lead :])
    return time.perf_counter() - start


def _real(built: BuiltCase) -> list[dict[str, Any]]:
    """Return the inputs and the weights of the timed call that hold real numbers."""
    return [{n: a for n, a in p.items() if built.framework.real(a)} for p in built.arguments[:2]]


def _most(tensors: Iterable[Any]) -> int:
    """Return how many copies of tensors may be held."""
    return max(1, min(MOST, BYTES // max(1, sum(a.nbytes for a in tensors))))


def _overwritten(built: BuiltCase) -> _Asked:
    """Return calls of the timed call's own arrays, of each of which a row at random changes."""
    rng = built.rng(12)
    tensors = [a for part in _real(built) for a in part.values() if len(a.shape) and len(a)]
    rows = [a[n : n + 1] for a in tensors for n in [int(rng.integers(len(a)))]]
    kept, elsewhere = [row * 1 for row in rows], [row * 1 for row in rows]

    def calls(count: int, new: bool) -> list[Question]:
        found: list[Question] = []
        for factors in rng.uniform(0.5, 2, (count, len(rows))).tolist():
            values = [row * factor for row, factor in zip(kept, factors, strict=True)]
            changed = zip(rows if new else elsewhere, values, strict=True)
            found.append((built.arguments, list(changed)))
        return found

    return _Asked(calls, _most(rows), kept=list(zip(rows, kept, strict=True)))


def _replaced(built: BuiltCase) -> _Asked:
    """Return calls of new arrays: multiples of those of the timed call, or copies.

    The first is not timed: of the copies it may be the last contents but one.
    """
    rng, real = built.rng(12), _real(built)
    inputs, weights, cotangents = built.arguments

    def calls(count: int, new: bool) -> list[Question]:
        found: list[Question] = []
        for _ in range(count):
            parts = [
                {n: a * (float(rng.uniform(0.5, 2)) if new else 1.0) for n, a in part.items()}
                for part in real
            ]
            for part in parts:
                built.framework.wait(part)
            found.append((({**inputs, **parts[0]}, {**weights, **parts[1]}, cotangents), ()))
        return found

    return _Asked(calls, _most(a for part in real for a in part.values()), lead=1)


PROBES = (Probe("conduct.cached", cached), Probe("conduct.fresh", fresh))
