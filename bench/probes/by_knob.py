"""Whether a symmetry that is claimed by a knob gets better as the knob is turned.

`by_knob.<subgroup>`: the error |f(g x) - g f(x)| / |f(x)|, the mean over elements of the subgroup,
at the finest value; its detail has all values, from coarse to fine, with their errors. The case is
built anew at each, with the same inputs and elements, and the other knobs as they are. The claim
is judged by `analysis.knobs`, down to the tolerance of the precision. It gates no time: a run does
not ask.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from analysis.equivariance import errors
from analysis.knobs import complaint
from bench.case import refusal
from bench.probes import Probe
from bench.rows import Reading
from bench.subject import Subject, build
from bench.tolerances import tolerance
from impls.operation import SymmetryClaim

ELEMENTS = 32


def by_knob(subject: Subject) -> Iterable[Reading]:
    """Yield a reading for each claim by a knob that the case leaves alone; forward pass only."""
    if subject.case.pass_ != "fwd":
        return
    for claim in subject.operation.claims:
        swept = claim.kind == "by_knob" and claim.knob not in subject.case.knobs
        if swept and claim.subgroup in subject.group.subgroups:
            yield _swept(subject, claim)


def _swept(subject: Subject, claim: SymmetryClaim) -> Reading:
    probe, case = f"by_knob.{claim.subgroup}", subject.case
    (knob,) = (k for k in subject.operation.knobs if k.name == claim.knob)
    rng = np.random.default_rng([case.problem.seed, 9])
    elements = subject.group.subgroups[claim.subgroup].sample(rng, ELEMENTS)
    found: dict[Any, float] = {}
    refused: dict[str, str] = {}
    for value in knob.values(case.seen):
        turned = replace(case, knobs={**case.knobs, knob.name: value})
        if (why := refusal(turned, subject.registry)) is not None:
            refused[str(value)] = str(why)
            continue
        at = build(turned, subject.registry)
        spaces = at.input_spaces, at.output_spaces
        measured = errors(at.outputs, *spaces, at.arrays(), elements, at.align, at.mask)
        found[value] = measured.summary()["mean"]
    limit = 2 * tolerance(subject.problem, case.target)
    values, sizes = list(found), list(found.values())
    detail: dict[str, Any] = {
        "subgroup": claim.subgroup,
        "knob": knob.name,
        "values": values,
        "errors": [size if np.isfinite(size) else None for size in sizes],
        "refused": refused,
        "elements": ELEMENTS,
        "tolerance": limit,
    }
    if len(values) < 2:
        reason = f"{knob.name} has {len(values)} values here: a sweep needs at least two"
        return Reading(probe, None, detail={**detail, "unavailable": reason})
    problem = complaint(values, sizes, limit)
    detail |= {"passed": problem is None} | ({"problem": problem} if problem else {})
    return Reading(probe, sizes[-1] if np.isfinite(sizes[-1]) else None, n=1, detail=detail)


PROBES = (Probe("by_knob", by_knob),)
