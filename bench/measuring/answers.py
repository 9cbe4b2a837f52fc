"""What a call has returned: plain arrays, all of the work done, how far from what is expected."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from bench.measuring.built_case import BuiltCase
from bench.measuring.frameworks import unfit
from bench.measuring.processors import used_by
from bench.measuring.tolerances import tolerance
from impls.spaces import Array, Arrays

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


def distance(found: Arrays, expected: Arrays) -> float:
    """Return the largest difference of arrays, relative to the largest entry; inf for others."""
    if {n: a.shape for n, a in found.items()} != {n: a.shape for n, a in expected.items()}:
        return float("inf")
    worst = 0.0
    for name, a in expected.items():
        scale = float(np.max(np.abs(a), initial=0.0)) or 1.0
        off = float(np.max(np.abs(np.subtract(found[name], a, dtype=np.float64)), initial=0.0))
        if not np.isfinite(off):
            return float("inf")
        worst = max(worst, off / scale)
    return worst


def largest(numbers: Iterable[float]) -> float:
    """Return the largest of some numbers from 0 on; nan where one is, which `max` may pass over."""
    return float(np.max([*numbers], initial=0.0))


def norm(arrays: Iterable[Array]) -> float:
    """Return the root sum of squares of the entries of arrays."""
    return float(np.sqrt(sum(float(np.sum(a * a)) for a in arrays)))


def discrepancy(one: Arrays, other: Arrays) -> float:
    """Return the relative difference of two answers; where both are not a number, they agree."""
    scale = norm(np.nan_to_num(a) for a in other.values()) or 1.0
    unequal = [
        np.where(np.isnan(one[name]) & np.isnan(a), 0.0, one[name] - a) for name, a in other.items()
    ]
    return norm(unequal) / scale


def without_sums(built: BuiltCase, outputs: Arrays) -> Arrays:
    """Return outputs without a value, which is what is left of a sum whose terms nearly cancel."""
    summed = () if built.case.pass_ == "fwd" else ("value",)
    return {name: a for name, a in outputs.items() if name not in summed}


def overwritten(built: BuiltCase) -> list[str]:
    """Return the names of the arguments of the timed call that are not what they were."""
    return [
        name
        for tensors, given in zip(built.arguments[:2], built.given, strict=True)
        for name, tensor in tensors.items()
        if not np.array_equal(built.framework.get({name: tensor})[name], given[name])
    ]


def answered(built: BuiltCase, out: Any) -> tuple[Arrays, str]:
    """Return what a call has returned, in NumPy, and what is wrong with the way it did.

    It must be plain arrays and stay as it is, and where all is to be done in one thread, no other,
    nor another process, may still be at work.
    """
    framework, target = built.framework, built.case.target
    if said := unfit(framework, out, built.problem.dtype, target):
        return {}, said
    framework.wait(out)
    found = framework.get(out)
    shares = [_share_of_a_pause()]
    while shares[-1] > BUSY and len(shares) < TRIES:
        shares.append(_share_of_a_pause())
    again = framework.get(out)
    if any(not np.array_equal(a, again[name], equal_nan=True) for name, a in found.items()):
        return found, "the answer changes after the call has returned"
    if target.device == "cpu" and target.threads == 1 and shares[-1] > BUSY:
        return found, "work goes on after the call has returned"
    return found, ""


def _share_of_a_pause() -> float:
    """Return how much of a processor this process and its children use while it waits."""
    began = time.perf_counter()
    busy = used_by(lambda: time.sleep(SETTLED))
    return busy / (time.perf_counter() - began)
