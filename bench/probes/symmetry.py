"""How equivariant a case is: over each subgroup, along each generator, and not for want of a test.

* `symmetry.<subgroup>`: the largest |f(g x) - g f(x)| / |f(x)| over 32 elements; the mean and the
  95th percentile are in its detail. Rotations, inversion, permutations, translations apart.
* `symmetry.<subgroup>.<generator>`: |d/dt (f(g x) - g f(x))| / |f(x)| per unit of t, g = exp(t X).
* `symmetry.guard.<guard>`: what would make these empty: `collapse` (the spread of outputs over
  inputs), `determinism` (the difference of two calls) and `action` (the largest relative motion of
  an input); a guard that fails makes the case wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from analysis.equivariance import difference_step, errors, guards, local_errors
from bench.probes import Probe
from bench.rows import Reading
from bench.subject import Subject
from bench.tolerances import tolerance
from impls.spaces import Arrays
from impls.streams import Streams

ELEMENTS = 32
DRAWS = 8
EPS = {"float64": 2.0**-52, "float32": 2.0**-23, "tf32": 2.0**-10, "bfloat16": 2.0**-7}
"""The distance from 1 to the next number."""


def eps_of(subject: Subject) -> float:
    """Return the distance from 1 to the next number in the precision of a case."""
    precision = subject.case.target.precision
    return EPS["tf32" if precision == "tf32" else subject.problem.dtype]


def symmetry(subject: Subject) -> Iterable[Reading]:
    """Yield the guards, then the errors over subgroups and along generators; forward pass only."""
    if subject.case.pass_ != "fwd":
        return
    rng = np.random.default_rng([subject.problem.seed, 7])
    elements = {
        name: subgroup.sample(rng, ELEMENTS) for name, subgroup in subject.group.subgroups.items()
    }
    limit = tolerance(subject.problem, subject.case.target)
    spaces = subject.input_spaces
    found = guards(subject.outputs, spaces, list(_draws(subject)), elements, subject.mask)
    problems = found.problems(limit)
    values = {
        "collapse": found.spread,
        "determinism": found.irreproducible,
        "action": max(found.moved.values(), default=0.0),
    }
    for guard, value in values.items():
        detail: dict[str, Any] = {"passed": guard not in problems}
        if guard in problems:
            detail["problem"] = problems[guard]
        if guard == "collapse":
            detail |= {"effective_rank": found.effective_rank, "draws": DRAWS}
        yield Reading(f"symmetry.guard.{guard}", value, n=1, detail=detail)
    if "collapse" not in problems:
        for name in elements:
            yield _over(subject, name, elements[name], limit, found.moved[name])
            yield from _along(subject, name, limit)


def _draws(subject: Subject) -> Iterable[Arrays]:
    """Yield the inputs of the case, then others of its family; the weights stay."""
    own = subject.arrays()
    yield own
    for number in range(1, DRAWS):
        streams = Streams(subject.problem.seed, 8, number)
        drawn = subject.family.draw(subject.problem, streams)
        yield {**own, **subject.operation.taken(drawn)}


def _over(subject: Subject, name: str, elements: list[Any], limit: float, moved: float) -> Reading:
    summary = errors(
        subject.outputs,
        subject.input_spaces,
        subject.output_spaces,
        subject.arrays(),
        elements,
        subject.align,
        subject.mask,
    ).summary()
    detail = {"elements": len(elements), "moved": moved, **summary}
    return _judged(subject, f"symmetry.{name}", name, summary["max"], 2 * limit, detail)


def _along(subject: Subject, name: str, limit: float) -> Iterable[Reading]:
    step = difference_step(eps_of(subject))
    slopes = local_errors(
        subject.outputs,
        subject.input_spaces,
        subject.output_spaces,
        subject.arrays(),
        subject.group.subgroups[name].generators,
        subject.mask,
        step=step,
    )
    for generator, value in slopes.items():
        detail = {"generator": generator, "step": step}
        yield _judged(
            subject, f"symmetry.{name}.{generator}", name, value, 2 * limit / step, detail
        )


def _judged(
    subject: Subject, probe: str, subgroup: str, value: float, limit: float, detail: dict[str, Any]
) -> Reading:
    finite = bool(np.isfinite(value))
    claimed = subgroup in subject.operation.exact
    detail = {"subgroup": subgroup, "claimed": claimed} | detail
    if claimed:
        detail |= {"tolerance": limit, "passed": finite and value <= limit}
    return Reading(probe, value if finite else None, n=1, detail=detail)


PROBES = (Probe("symmetry", symmetry),)
