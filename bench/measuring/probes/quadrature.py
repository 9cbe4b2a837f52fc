"""The points that an operation on the sphere needs: the smallest exact rule of each kind.

`quadrature.<kind>`: the number of points of the smallest rule of a kind that is exact for the
product of functions that the operation takes at points, found by measuring rule by rule
(`analysis.quadrature`); expected is that of the smallest rule for the degree D that is derived, and
more are a failure: that rule is not exact. In the detail are its size and error, the rule one step
below, and the error of that by irrep of the output. It is of the question, not of the code that
answers: one implementation of an operation says all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from analysis.quadrature import KINDS, LIMITS, degree_of, smallest
from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import Analysis, Probe, Record, Rows, View, of, reason
from bench.record.rows import Reading
from impls.operation import AtPoints, Operation


def quadrature(built: BuiltCase) -> Iterable[Reading]:
    """Yield a reading for each kind of rule."""
    if built.operation.at_points is None:
        return
    met = built.operation.at_points(built.problem)
    why = ""
    if met.activation:
        why = f"{met.activation} is no polynomial: no rule is exact (analyse knobs has the error)"
    elif not met.out:
        why = "derivatives alone meet at points here, and no values"
    if why:
        yield Reading("quadrature.none", None, detail={"unavailable": why})
        return
    for kind in KINDS:
        yield _advice(kind, met)


def _advice(kind: str, met: AtPoints) -> Reading:
    degrees = [[ir.l for _, ir in factor] for factor in met.factors]
    kept = [ir.l for _, ir in met.out]
    degree = degree_of(degrees, kept)
    detail: dict[str, Any] = {"kind": kind, "degree": degree}
    if degree > LIMITS.get(kind, degree):
        why = f"no rule of this kind is there above degree {LIMITS[kind]}"
        return Reading(f"quadrature.{kind}", None, detail={**detail, "unavailable": why})
    advice = smallest(kind, degrees, kept)
    derived = KINDS[kind](degree)
    passed = len(advice.rule) <= len(derived)
    detail |= {
        "size": advice.rule.size,
        "error": max(advice.error.values()),
        "below": advice.smaller.size if advice.smaller else None,
        "below_points": len(advice.smaller) if advice.smaller else None,
        "errors": {str(ir): advice.below.get(ir.l) for _, ir in met.out},
    }
    if not passed:
        detail["problem"] = (
            f"{kind}: {derived.size} are not exact for degree {degree}, {advice.rule.size} are"
        )
    return Reading(
        f"quadrature.{kind}",
        float(len(advice.rule)),
        n=1,
        detail=detail,
        passed=passed,
        expected=float(len(derived)),
    )


def applies(operation: Operation) -> bool:
    """Return whether it takes functions at points of the sphere."""
    return operation.at_points is not None


def _rules(rows: Rows) -> Iterator[Record]:
    """Yield a line for each kind: its smallest exact rule, and what one step below loses."""
    for row in of(rows, "quadrature."):
        detail = row["detail"]
        if row["value"] is None:
            yield {"kind": detail.get("kind"), "reason": detail["unavailable"]}
            continue
        lost = {irrep: error for irrep, error in detail["errors"].items() if error is not None}
        worst = max(lost, key=lost.__getitem__, default=None)
        yield {
            **{name: detail[name] for name in ("kind", "degree", "size")},
            "points": int(row["value"]),
            "derived_points": int(row["expected"]),
            "error": detail["error"],
            "below": detail["below"],
            "error_below": None if worst is None else lost[worst],
            "worst_irrep": worst,
            "passed": row["passed"],
            **reason(row),
        }


def _irreps(rows: Rows, _: int) -> Iterator[Record]:
    """Yield the error of each irrep of the output one step below the smallest exact rule."""
    for row in of(rows, "quadrature."):
        detail = row["detail"]
        for irrep, error in detail.get("errors", {}).items():
            if error is not None:
                yield {
                    **{name: detail[name] for name in ("kind", "degree", "below")},
                    "irrep": irrep,
                    "error_below": error,
                }


PROBES = (Probe("quadrature", quadrature),)
ANALYSES = (
    Analysis(
        "quadrature",
        "Smallest exact points of each kind for products on the sphere, and what fewer lose.",
        ("error", "quadrature"),
        _rules,
        applies,
        "--operation gaunt --implementation numpy_grid --lmax 3",
        (
            "A line for each kind of rule: the degree that is integrated, the smallest rule that "
            "is measured to be exact, its points beside those derived, and the largest error of "
            "the next smaller rule, relative to the whole output, with the irrep that has it."
        ),
        (
            "Take the kind with the fewest points for one matrix product each way, and "
            "gauss_legendre for separable stages; python -m bench run says what each costs."
        ),
        views=(View("irreps", "the error one step below, by irrep of the output", _irreps),),
    ),
)
