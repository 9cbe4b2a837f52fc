"""How well features of a bilinear implementation fit random equivariant polynomials, by degree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from analysis.universality import BUDGET, fit, rows
from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import Analysis, Probe, Record, Rows, couples, of, reason
from bench.measuring.probes.bilinear import bilinear
from bench.record.rows import Reading

DEGREES = (1, 2, 3, 4)


def universality(built: BuiltCase) -> Iterable[Reading]:
    """Yield `universality.<irrep>.<degree>`, the error of a fit, for scalars and vectors.

    Wrong are features that are no equivariant polynomials, and an error that does not vanish where
    all of them are reached. Families whose samples are not independent are left out.
    """
    view = bilinear(built)
    if view is None or not view.repeats or built.family.batch is None:
        return
    nothing = np.zeros((rows(BUDGET), sum(ir.dim for ir in view.labels[0])))
    view.evaluate(nothing, nothing)  # the first call may compile
    for irrep in view.labels[0]:
        if irrep.l > 1:
            continue
        for degree in DEGREES:
            found = fit(view.evaluate, view.labels, degree, irrep)
            detail: dict[str, Any] = {
                "irrep": str(irrep),
                "degree": degree,
                "rank": found.rank,
                "full": found.full,
                "outside": found.outside,
                "budget": BUDGET,
                "universal": found.universal,
                "seconds": found.seconds,
            }
            if not found.consistent:
                detail["problem"] = (
                    f"degree {degree} to {irrep}: rank {found.rank} of {found.full}, error "
                    f"{found.error:.1e}, {found.outside:.1e} of it not equivariant"
                )
            yield Reading(
                f"universality.{irrep}.{degree}",
                found.error,
                n=1,
                detail=detail,
                passed=found.consistent,
            )


PROBES = (Probe("universality", universality),)


def _universality(rows: Rows) -> Iterator[Record]:
    """Yield the fit of each degree and irrep."""
    names = ("rank", "full", "universal", "seconds")
    for row in of(rows, "universality."):
        detail = row["detail"]
        yield {
            **{name: detail[name] for name in ("irrep", "degree")},
            "error": row["value"],
            **{name: detail[name] for name in names},
            "passed": row["passed"],
            **reason(row),
        }


ANALYSES = (
    Analysis(
        "universality",
        "Fit of random equivariant polynomials of degree 1 to 4.",
        ("error", "universality"),
        _universality,
        couples,
        "--operation gaunt --lmax 2",
        (
            "A line for each irrep and degree: the error of the best fit, and whether every "
            "equivariant polynomial of that degree is reached."
        ),
        "python -m bench analyse discrimination asks the same by pairs of environments.",
    ),
)
