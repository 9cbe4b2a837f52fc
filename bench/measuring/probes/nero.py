"""Errors along an orbit of each subgroup: against the oracle, and against the consensus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from analysis.equivariance import compared
from analysis.nero import nero
from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import Analysis, Probe, Record, Rows, couples, of
from bench.record.rows import Reading
from impls.groups import Element
from impls.spaces import Arrays

ELEMENTS = 64


def orbits(built: BuiltCase) -> Iterable[Reading]:
    """Yield `nero.<subgroup>.<reference>`: the largest error, and all with their coordinates."""
    if built.case.pass_ != "fwd" or built.operation.align is not None:
        return
    judged, spaces = built.judged(), built.input_spaces
    own = built.arrays()

    def call(arrays: Arrays) -> Arrays:
        return judged.found(built.call(arrays))

    def truth(arrays: Arrays) -> Arrays:
        part = judged.part.cut(spaces, arrays)
        inputs = {name: part[name] for name in built.inputs}
        weights = {name: part[name] for name in built.weights}
        return judged.expected(built.operation.oracle(judged.problem, inputs, weights))

    def mask(g: Element) -> Arrays:
        assert built.mask is not None
        whole = {name: np.empty(space.shape) for name, space in judged.spaces.items()}
        return judged.found(compared(built.mask, g, whole))

    for name, subgroup in built.group.subgroups.items():
        if subgroup.orbit is None:
            continue
        for reference in (truth, None):
            found = nero(
                call,
                subgroup,
                built.input_spaces,
                built.output_spaces,
                own,
                ELEMENTS,
                mask if built.mask else None,
                truth=reference,
            )
            detail = {
                "subgroup": name,
                "group": found.group,
                "reference": found.reference,
                "coordinates": {k: v.tolist() for k, v in found.coordinates.items()},
                "errors": [e if np.isfinite(e) else None for e in found.errors.tolist()],
            }
            worst = float(np.max(found.errors))
            yield Reading(
                f"nero.{name}.{found.reference}",
                worst if np.isfinite(worst) else None,
                n=len(found.errors),
                detail=detail,
                claimed=name in built.operation.exact,
            )


PROBES = (Probe("nero", orbits),)


def _nero(rows: Rows) -> Iterator[Record]:
    """Yield each element of each orbit: its coordinates and its error."""
    for row in of(rows, "nero."):
        detail = row["detail"]
        for number, error in enumerate(detail["errors"]):
            yield {
                **{name: detail[name] for name in ("subgroup", "reference")},
                **{name: values[number] for name, values in detail["coordinates"].items()},
                "error": error,
            }


ANALYSES = (
    Analysis(
        "nero",
        "Error along orbits, against the oracle and against the consensus.",
        ("error", "nero"),
        _nero,
        couples,
        "--operation grid_nonlinearity --lmax 2 --symmetry o3 --format csv",
        (
            "A line for each place on an orbit: the error there, against the oracle and against "
            "the mean of the orbit."
        ),
        "python -m bench analyse equivariance has the error over whole subgroups.",
        swept=True,
    ),
)
