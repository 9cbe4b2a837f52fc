"""How well features of a bilinear implementation fit random equivariant polynomials, by degree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from analysis.universality import BUDGET, fit, rows
from bench.probes import Probe
from bench.probes.bilinear import bilinear
from bench.rows import Reading
from bench.subject import Subject

DEGREES = (1, 2, 3, 4)


def universality(subject: Subject) -> Iterable[Reading]:
    """Yield `universality.<irrep>.<degree>`, the error of a fit, for scalars and vectors.

    Wrong are features that are no equivariant polynomials, and an error that does not vanish where
    all of them are reached. Families whose samples are not independent are left out.
    """
    view = bilinear(subject)
    if view is None or not view.repeats or subject.family.batch is None:
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
                "passed": found.consistent,
            }
            if not found.consistent:
                detail["problem"] = (
                    f"degree {degree} to {irrep}: rank {found.rank} of {found.full}, error "
                    f"{found.error:.1e}, {found.outside:.1e} of it not equivariant"
                )
            yield Reading(f"universality.{irrep}.{degree}", found.error, n=1, detail=detail)


PROBES = (Probe("universality", universality),)
