"""Whether a symmetry that is claimed by a knob gets better as the knob is turned.

`by_knob.<subgroup>`: the error |f(g x) - g f(x)| / |f(x)|, the mean over elements of the subgroup,
at the finest value; its detail has all values, from coarse to fine, with their errors. The case is
built anew at each, with the same inputs and elements, and the other knobs as they are. The claim
is judged by `analysis.knobs`, down to the tolerance of the precision. It gates no time: a run does
not ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from analysis.knobs import complaint
from bench.measuring.built_case import BuiltCase, build
from bench.measuring.probes import Analysis, Probe, Record, Rows, couples, of, reason
from bench.measuring.tolerances import tolerance
from bench.record.case import refusal
from bench.record.rows import Reading
from impls.operation import SymmetryClaim

ELEMENTS = 32


def by_knob(built: BuiltCase) -> Iterable[Reading]:
    """Yield a reading for each claim by a knob that the case leaves alone; forward pass only."""
    if built.case.pass_ != "fwd":
        return
    for claim in built.operation.claims:
        swept = claim.kind == "by_knob" and claim.knob not in built.case.knobs
        if swept and claim.subgroup in built.group.subgroups:
            yield _swept(built, claim)


def _swept(built: BuiltCase, claim: SymmetryClaim) -> Reading:
    probe, case = f"by_knob.{claim.subgroup}", built.case
    (knob,) = (k for k in built.operation.knobs if k.name == claim.knob)
    rng = np.random.default_rng([case.problem.seed, 9])
    elements = built.group.subgroups[claim.subgroup].sample(rng, ELEMENTS)
    found: dict[Any, float] = {}
    refused: dict[str, str] = {}
    for value in knob.values(case.seen):
        turned = replace(case, knobs={**case.knobs, knob.name: value})
        if (why := refusal(turned, built.registry)) is not None:
            refused[str(value)] = str(why)
            continue
        found[value] = build(turned, built.registry).asymmetry(elements).summary()["mean"]
    limit = 2 * tolerance(built.problem, case.target)
    values, sizes = list(found), list(found.values())
    detail: dict[str, Any] = {
        "subgroup": claim.subgroup,
        "knob": knob.name,
        "values": values,
        "errors": [size if np.isfinite(size) else None for size in sizes],
        "refused": refused,
        "elements": ELEMENTS,
    }
    if len(values) < 2:
        reason = f"{knob.name} has {len(values)} values here: a sweep needs at least two"
        return Reading(probe, None, detail={**detail, "unavailable": reason}, limit=limit)
    problem = complaint(values, sizes, limit)
    if problem:
        detail["problem"] = problem
    finest = sizes[-1] if np.isfinite(sizes[-1]) else None
    return Reading(probe, finest, n=1, detail=detail, limit=limit, passed=problem is None)


PROBES = (Probe("by_knob", by_knob),)


def _knobs(rows: Rows) -> Iterator[Record]:
    """Yield the error at each value of the knob of each claim, and the verdict on the claim."""
    for row in of(rows, "by_knob."):
        detail = row["detail"]
        for value, error in zip(detail["values"], detail["errors"], strict=True):
            yield {
                **{name: detail[name] for name in ("subgroup", "knob")},
                "value": value,
                "error": error,
                "passed": row["passed"],
                **reason(row),
            }


ANALYSES = (
    Analysis(
        "knobs",
        "Equivariance error at each value of the knob by which a symmetry is claimed.",
        ("error", "by_knob"),
        _knobs,
        couples,
        "--operation grid_nonlinearity --lmax 2",
        (
            "A line for each value of the knob: the equivariance error there, which has to fall "
            "as the operation says."
        ),
        "python -m bench run --knob NAME=VALUES says what each value costs.",
        swept=True,
    ),
)
