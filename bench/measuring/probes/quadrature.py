"""The points that an operation on the sphere needs: the smallest exact rule of each kind.

`quadrature.<kind>`: the number of points of the smallest rule of a kind that is exact for the
product of functions that the operation takes at points, found by measuring rule by rule
(`analysis.quadrature`); expected is that of the smallest rule for the degree D that is derived, and
more are a failure: that rule is not exact. In the detail are its size and error, the rule one step
below, and the error of that by irrep of the output. It is of the question, not of the code that
answers: one implementation of an operation says all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from analysis.quadrature import KINDS, LIMITS, degree_of, smallest
from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import Analysis, Probe, Record, Rows, View, of, reason
from bench.record.rows import Reading
from impls.families import feature, product
from impls.operation import Operation
from impls.powers.gaunt_power import operation as gaunt_power
from impls.problem import Problem
from impls.products.gaunt import operation as gaunt
from impls.so3.irreps import Irreps

Asked = tuple[Sequence[Irreps], Irreps]
"""The factors that are multiplied at points, and what is kept of the product."""


def _product(problem: Problem) -> Asked:
    first, second, out = product.irreps_of(problem)
    return (first, second), _reached(out, gaunt.reached(problem))


def _power(problem: Problem) -> Asked:
    inside, out = feature.irreps_of(problem)
    return (inside,) * feature.nu_of(problem), _reached(out, gaunt_power.reached(problem))


def _gated(problem: Problem) -> Asked:
    inside = feature.irreps_in_of(problem)
    return (inside, inside), inside


def _reached(out: Irreps, kept: Sequence[bool]) -> Irreps:
    """Return the irreps that do not vanish: only these are taken back from the points."""
    return Irreps(tuple(item for item, k in zip(out.items, kept, strict=True) if k))


TAKEN: Mapping[str, Callable[[Problem], Asked]] = {
    "gaunt": _product,
    "gaunt_bracket": _product,
    "spin_gaunt": _product,
    "gaunt_power": _power,
    "grid_gated_product": _gated,
}
"""What each operation multiplies at points, where that is a polynomial.

Products of derivatives, on the same points, have a degree less.
"""
ACTIVATED = ("grid_mlp", "grid_nonlinearity", "grid_swiglu")
"""Operations whose values at points meet an activation: no rule is exact."""


def quadrature(built: BuiltCase) -> Iterable[Reading]:
    """Yield a reading for each kind of rule."""
    name = built.operation.name
    if name in ACTIVATED:
        activation = feature.activation_of(built.problem)
        why = f"{activation} is no polynomial: no rule is exact (analyse knobs has the error)"
        yield Reading("quadrature.none", None, detail={"unavailable": why})
    elif name in TAKEN:
        factors, out = TAKEN[name](built.problem)
        if not out:
            why = "derivatives alone meet at points here, and no values"
            yield Reading("quadrature.none", None, detail={"unavailable": why})
            return
        for kind in KINDS:
            yield _advice(kind, factors, out)


def _advice(kind: str, factors: Sequence[Irreps], out: Irreps) -> Reading:
    degrees = [[ir.l for _, ir in factor] for factor in factors]
    kept = [ir.l for _, ir in out]
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
        "errors": {str(ir): advice.below.get(ir.l) for _, ir in out},
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
    return operation.name in TAKEN or operation.name in ACTIVATED


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
