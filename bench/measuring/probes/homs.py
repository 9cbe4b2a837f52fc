"""What the weights of an operation span, read off the running implementation.

`homs.spanned`: the dimension of the linear or bilinear maps that the weights span; its detail has
`full`, that of all maps that commute with the claimed group, from the action alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from analysis.homs import defect, hom_dimension, representation, spanned
from bench.measuring.blackbox import called, widest
from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import LARGEST, Analysis, Probe, Record, Rows, by_probe
from bench.measuring.tolerances import tolerance
from bench.record.rows import Reading
from impls.problem import Problem
from impls.spaces import Array, Space

MOST_NUMBERS = 5000
"""The size of the largest map, inputs times output, whose equivariant maps are counted."""
ELEMENTS = 4


def homs(built: BuiltCase) -> Iterable[Reading]:
    """Yield `homs.spanned` of an operation that is linear in each of its one or two inputs."""
    operation, family = built.operation, built.family
    names = [name for name, degree in operation.linear_in if degree == 1 and name in built.inputs]
    if family.single is None or set(names) != set(built.inputs) or len(names) not in (1, 2):
        return
    single = replace(family.single(built.problem), dtype=widest(built))
    spaces = operation.taken(family.inputs(single))
    first = [spaces[name] for name in names]
    output = next(iter(operation.outputs(single).values()))
    if operation.mask is not None:
        reason = f"{operation.name} keeps its symmetry on those entries alone that have a partner"
        yield Reading("homs.spanned", None, detail={"unavailable": reason})
        return
    lengths = [int(np.prod(space.shape)) for space in (*first, output)]
    if (size := int(np.prod(lengths))) > MOST_NUMBERS:
        reason = f"a map has {size} numbers here, more than {MOST_NUMBERS}"
        yield Reading("homs.spanned", None, detail={"unavailable": reason})
        return
    group = family.group(single)
    claimed = [group.subgroups[name] for name in operation.exact if name in group.subgroups]
    full = hom_dimension(first, output, claimed or [group])
    maps = _maps(built, single, names, first, output)
    found = spanned(maps)
    rng = np.random.default_rng(0)
    elements = [g for part in claimed or [group] for g in part.sample(rng, ELEMENTS)]
    error = defect(
        maps, [representation(space, elements) for space in first], representation(output, elements)
    )
    limit = 100 * tolerance(single, built.case.target)
    detail: dict[str, Any] = {
        "full": full.value,
        "draws": len(maps),
        "gap": min(full.gap, found.gap, LARGEST),
        "verdict": "certain" if full.verdict == found.verdict == "certain" else "ambiguous",
        "defect": error,
    }
    passed = error <= limit and found.value <= full.value if claimed else None
    if passed is False:
        detail["problem"] = (
            f"the weights span {found.value} of {full.value} maps, of which up to {error:.1e} "
            "does not commute with the claimed group"
        )
    yield Reading("homs.spanned", float(found.value), n=1, detail=detail, passed=passed)


def _maps(
    built: BuiltCase,
    single: Problem,
    names: Sequence[str],
    spaces: Sequence[Space],
    output: Space,
) -> Array:
    """Return the map of each of some random weights [draws, size of output, sizes of inputs]."""
    lengths = [int(np.prod(space.shape)) for space in spaces]
    weights = built.operation.weights(single)
    call = called(built, single)
    rng = np.random.default_rng(0)
    found = []
    for _ in range(sum(int(np.prod(space.shape)) for space in weights.values()) + 3):
        drawn = {name: rng.standard_normal(space.shape) for name, space in weights.items()}
        images = []
        for place in product(*map(range, lengths)):
            arrays = {
                name: np.eye(length)[i].reshape(space.shape)
                for name, length, i, space in zip(names, lengths, place, spaces, strict=True)
            }
            images.append(np.ravel(next(iter(call(arrays, drawn).values()))))
        found.append(np.reshape(images, (*lengths, -1)))
    return np.moveaxis(np.array(found), -1, 1)


def _homs(rows: Rows) -> Iterator[Record]:
    """Yield the dimension that weights span, and that of all equivariant maps."""
    found = by_probe(rows)
    if "homs.spanned" in found and found["homs.spanned"]["value"] is not None:
        row = found["homs.spanned"]
        names = ("full", "draws", "defect", "gap", "verdict")
        yield {
            "spanned": int(row["value"]),
            **{name: row["detail"].get(name) for name in names},
            "passed": row["passed"],
        }


PROBES = (Probe("homs", homs),)

ANALYSES = (
    Analysis(
        "homs",
        "Dimension of what the weights span, of all linear or bilinear equivariant maps.",
        ("error", "homs"),
        _homs,
        lambda operation: any(degree == 1 for _, degree in operation.linear_in),
        "--operation uvw --lmax 1",
        (
            "A line for each question: the dimension of what its maps span over all weights, and "
            "that of all equivariant maps there are (full)."
        ),
        "Less than full is what no choice of weights reaches: docs/expressivity.md says why.",
    ),
)
