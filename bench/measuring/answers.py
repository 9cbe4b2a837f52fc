"""What a call has returned: plain arrays, all of the work done, how far from what is expected."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from bench.measuring.built_case import BuiltCase, pieces
from bench.measuring.frameworks import unfit
from bench.measuring.processors import used_by
from bench.measuring.tolerances import tolerance
from impls.implementation import Tensors

SETTLED = 0.005
"""Seconds after which an answer must be what it was."""
BUSY = 0.1
"""A processor that works more than this share of that time is still at work."""
TRIES = 40
"""So often it may be at work: threads of a library spin for a while after they have worked."""
LOOSER = {"fwd": 2, "grad": 4, "grad2": 8}
"""Two answers to the same question may differ by so many tolerances, in each pass."""


def apart(built: BuiltCase) -> float:
    """Return how far two answers to the same question may be from each other."""
    return LOOSER[built.case.pass_] * tolerance(built.problem, built.case.target)


def wide(a: Any) -> Any:
    """Return an array in float64, where it lies: on the device, or in NumPy."""
    return a.double() if hasattr(a, "double") else np.asarray(a, np.float64)


def together(one: Any, other: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the pieces of two arrays of one shape in float64: no large array is copied whole."""
    for mine, theirs in zip(pieces(one), pieces(other), strict=True):
        yield wide(mine), wide(theirs)


def peak(a: Any) -> float:
    """Return the largest absolute value of an array; nan where there is one, 0 of none."""
    return float(abs(a).max()) if math.prod(a.shape) else 0.0


def same(one: Any, other: Any) -> bool:
    """Return whether two arrays have the same shape and numbers; what is none in both agrees."""
    return tuple(one.shape) == tuple(other.shape) and all(
        bool(((a == b) | ((a != a) & (b != b))).all())
        for a, b in zip(pieces(one), pieces(other), strict=True)
    )


def distance(found: Tensors, expected: Tensors) -> float:
    """Return the largest difference of arrays, relative to the largest entry; inf for others.

    They are NumPy's, or held by one framework.
    """
    shapes = [{n: tuple(a.shape) for n, a in arrays.items()} for arrays in (found, expected)]
    if shapes[0] != shapes[1]:
        return float("inf")
    worst = 0.0
    for name, a in expected.items():
        both = [(peak(b), peak(a - b)) for a, b in together(found[name], a)]
        scale, off = (largest(numbers) for numbers in zip(*both, strict=True))
        if not np.isfinite(off):
            return float("inf")
        worst = max(worst, off / (scale or 1.0))
    return worst


def largest(numbers: Iterable[float]) -> float:
    """Return the largest of some numbers from 0 on; nan where one is, which `max` may pass over."""
    return float(np.max([*numbers], initial=0.0))


def norm(arrays: Iterable[Any]) -> float:
    """Return the root sum of squares of the entries of arrays, also of held ones."""
    return float(np.sqrt(sum(float((wide(p) ** 2).sum()) for a in arrays for p in pieces(a))))


def discrepancy(one: Tensors, other: Tensors) -> float:
    """Return the relative difference of two answers; where both are not a number, they agree."""
    squares = size = 0.0
    for name, array in other.items():
        for a, b in together(one[name], array):
            neither = (a != a) & (b != b)
            if bool(neither.any()):
                a, b = a[~neither], b[~neither]
            squares += float(((a - b) ** 2).sum())
            size += float((b**2).sum())
    return float(np.sqrt(squares / (size or 1.0)))


def without_sums(built: BuiltCase, outputs: Tensors) -> Tensors:
    """Return outputs without a value, which is what is left of a sum whose terms nearly cancel."""
    summed = () if built.case.pass_ == "fwd" else ("value",)
    return {name: a for name, a in outputs.items() if name not in summed}


def overwritten(built: BuiltCase) -> list[str]:
    """Return the names of the arguments of the timed call that are not what they were."""
    return [
        name
        for tensors, given in zip(built.arguments[:2], built.given, strict=True)
        for name, tensor in tensors.items()
        if not same(built.framework.held({name: tensor})[name], given[name])
    ]


def answered(built: BuiltCase, out: Any) -> tuple[Tensors, str]:
    """Return what a call has returned, held, and what is wrong with the way it did.

    It must be plain arrays and stay as it is, and where all is to be done in one thread, no other,
    nor another process, may still be at work.
    """
    framework, target = built.framework, built.case.target
    if said := unfit(framework, out, built.problem.dtype, target):
        return {}, said
    framework.wait(out)
    found = framework.held(out)
    shares = [_share_of_a_pause()]
    while shares[-1] > BUSY and len(shares) < TRIES:
        shares.append(_share_of_a_pause())
    if any(not same(framework.held({name: out[name]})[name], a) for name, a in found.items()):
        return found, "the answer changes after the call has returned"
    if target.device == "cpu" and target.threads == 1 and shares[-1] > BUSY:
        return found, "work goes on after the call has returned"
    return found, ""


def _share_of_a_pause() -> float:
    """Return how much of a processor this process and its children use while it waits."""
    began = time.perf_counter()
    busy = used_by(lambda: time.sleep(SETTLED))
    return busy / (time.perf_counter() - began)
