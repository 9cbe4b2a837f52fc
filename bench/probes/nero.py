"""Errors along an orbit of each subgroup: against the oracle, and against the consensus."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from analysis.equivariance import compared
from analysis.nero import nero
from bench.probes import Probe
from bench.rows import Reading
from bench.subject import Subject
from impls.groups import Element
from impls.spaces import Arrays

ELEMENTS = 64


def orbits(subject: Subject) -> Iterable[Reading]:
    """Yield `nero.<subgroup>.<reference>`: the largest error, and all with their coordinates."""
    if subject.case.pass_ != "fwd" or subject.operation.align is not None:
        return
    judged, spaces = subject.judged(), subject.input_spaces
    own = subject.arrays()

    def call(arrays: Arrays) -> Arrays:
        return judged.found(subject.call(arrays))

    def truth(arrays: Arrays) -> Arrays:
        part = judged.part.cut(spaces, arrays)
        inputs = {name: part[name] for name in subject.inputs}
        weights = {name: part[name] for name in subject.weights}
        return judged.expected(subject.operation.oracle(judged.problem, inputs, weights))

    def mask(g: Element) -> Arrays:
        assert subject.mask is not None
        whole = {name: np.empty(space.shape) for name, space in judged.spaces.items()}
        return judged.found(compared(subject.mask, g, whole))

    for name, subgroup in subject.group.subgroups.items():
        if subgroup.orbit is None:
            continue
        for reference in (truth, None):
            found = nero(
                call,
                subgroup,
                subject.input_spaces,
                subject.output_spaces,
                own,
                ELEMENTS,
                mask if subject.mask else None,
                truth=reference,
            )
            detail = {
                "subgroup": name,
                "group": found.group,
                "reference": found.reference,
                "coordinates": {k: v.tolist() for k, v in found.coordinates.items()},
                "errors": [e if np.isfinite(e) else None for e in found.errors.tolist()],
                "claimed": name in subject.operation.exact,
            }
            worst = float(np.max(found.errors))
            yield Reading(
                f"nero.{name}.{found.reference}",
                worst if np.isfinite(worst) else None,
                n=len(found.errors),
                detail=detail,
            )


PROBES = (Probe("nero", orbits),)
