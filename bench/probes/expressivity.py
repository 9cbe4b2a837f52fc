"""What a bilinear operation can express, read off the running implementation.

The implementation is built for the smallest problem with the same irreps, in float64 where it
can be, evaluated on pairs of basis vectors, and its reduced coefficients are compared with the
operation's own. Weights are one; channels, nodes and edges all carry the same vector.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.expressivity import (
    Blocks,
    bilinear_blocks,
    compare,
    interactability,
    labels,
    reachable_dimension,
    span_dimension,
)
from bench.probes import Probe
from bench.rows import Reading
from bench.subject import Subject
from bench.tolerances import tolerance
from impls.implementation import Tensors
from impls.operation import Path
from impls.problem import Problem
from impls.so3.irreps import Irrep
from impls.spaces import Array, Arrays, Space

Labels = tuple[tuple[Irrep, ...], tuple[Irrep, ...], tuple[Irrep, ...]]


@dataclass(frozen=True)
class _View:
    """The measured blocks, the labels of the claimed group, and the derived coefficients."""

    blocks: Blocks
    labels: Labels
    derived: dict[Path, float]
    agree: bool
    difference: float


def expressivity(subject: Subject) -> Iterable[Reading]:
    """Yield `expressivity.dim` and `expressivity.span`, measured and expected."""
    view = _view(subject)
    if view is None:
        return
    measured = reachable_dimension(view.blocks.coefficients, *view.labels)
    expected = reachable_dimension(view.derived, *view.labels)
    detail = {
        "gap": min(measured.gap, 1e300),
        "verdict": measured.verdict,
        "defect": view.blocks.defect,
        "difference": view.difference,
        "agree": view.agree,
    }
    pairs = {
        "dim": (measured.value, expected.value),
        "span": (
            span_dimension(view.blocks.coefficients, *view.labels),
            span_dimension(view.derived, *view.labels),
        ),
    }
    for name, (found, derived) in pairs.items():
        judged: dict[str, Any] = {"expected": derived, "passed": found == derived and view.agree}
        if not judged["passed"]:
            judged["problem"] = (
                f"measured {found}, derived {derived} (coefficients differ by "
                f"{view.difference:.1e})"
            )
        yield Reading(f"expressivity.{name}", float(found), n=1, detail=detail | judged)


def coupled(subject: Subject) -> Iterable[Reading]:
    """Yield one `interactability` reading for each triple of irreps that the group allows."""
    view = _view(subject)
    if view is None:
        return
    found = view.blocks.interactability()
    expected = interactability(view.derived, *view.labels)
    for triple, verdict in found.items():
        detail = {
            **{f"l{n}": str(ir) for n, ir in enumerate(triple, start=1)},
            "interactable": verdict,
            "expected": expected[triple],
            "passed": verdict == expected[triple],
        }
        if not detail["passed"]:
            detail["problem"] = f"{triple}: measured {verdict}, derived {expected[triple]}"
        yield Reading("interactability", _size(view, triple), n=1, detail=detail)


def _size(view: _View, triple: tuple[Irrep, Irrep, Irrep]) -> float:
    """Return the reduced coefficient of a triple: the largest in size over copies, signed."""
    values = [
        k
        for path, k in view.blocks.reduced.items()
        if tuple(part[i] for part, i in zip(view.labels, path, strict=True)) == triple
    ]
    return max(values, key=abs, default=0.0)


def _view(subject: Subject) -> _View | None:
    operation, family = subject.operation, subject.family
    bilinear = [name for name, degree in operation.linear_in if name in subject.inputs]
    if operation.coefficients is None or family.single is None or len(bilinear) != 2:
        return None
    x64 = subject.implementation.framework != "jax" or subject.problem.dtype == "float64"
    single = replace(family.single(subject.problem), dtype="float64" if x64 else "float32")
    parity = "inversion" in operation.exactness.subgroups
    inputs = family.inputs(single)
    output = next(iter(operation.outputs(single).values()))
    spaces = (inputs[bilinear[0]], inputs[bilinear[1]], output)
    all_labels = tuple(labels(str(space.irreps), parity) for space in spaces)
    parts: Labels = (all_labels[0], all_labels[1], all_labels[2])
    evaluate = _Evaluate(subject, single, bilinear[0], bilinear[1])
    # In float64 the tables of some peers are exact to about 1e-9 only.
    limit = 100 * tolerance(single, subject.case.target)
    blocks = bilinear_blocks(evaluate, *parts, tolerance=limit)
    derived = dict(operation.coefficients(single))
    comparison = compare(blocks, derived, tolerance=limit)
    return _View(blocks, parts, derived, comparison.agree, comparison.difference)


class _Evaluate:
    """The implementation as (X [n, dim1], Y [n, dim2]) -> Z [n, dim3] in NumPy."""

    def __init__(self, subject: Subject, single: Problem, first: str, second: str) -> None:
        self.subject, self.single, self.names = subject, single, (first, second)
        self.ready: dict[int, tuple[Problem, object]] = {}

    def __call__(self, x: Array, y: Array) -> Array:
        if self.subject.family.batch is not None:
            return self._rows(x, y)
        return np.concatenate([self._rows(x[i : i + 1], y[i : i + 1]) for i in range(len(x))])

    def _rows(self, x: Array, y: Array) -> Array:
        problem, call = self._built(len(x))
        family, operation = self.subject.family, self.subject.operation
        spaces = family.inputs(problem)
        arrays: dict[str, Array] = dict(family.draw(problem, np.random.default_rng(0)))
        for name, rows in zip(self.names, (x, y), strict=True):
            arrays[name] = _spread(rows, spaces[name], family.batch is not None)
        weights = {name: np.ones(s.shape) for name, s in operation.weights(problem).items()}
        out = next(iter(call(arrays, weights).values()))  # type: ignore[operator]
        per_row = out if family.batch is not None else out[None]
        return per_row.reshape(len(x), -1, out.shape[-1])[:, 0, :]

    def _built(self, rows: int) -> tuple[Problem, object]:
        if rows not in self.ready:
            self.ready[rows] = self._build(rows)
        return self.ready[rows]

    def _build(self, rows: int) -> tuple[Problem, object]:
        subject = self.subject
        family, operation, framework = subject.family, subject.operation, subject.framework
        sizes = {} if family.batch is None else {family.batch: rows}
        problem, target = self.single.with_sizes(**sizes), subject.case.target
        built = subject.implementation.build(problem, target, subject.case.options)

        def whole(inputs: Tensors, weights: Tensors) -> Tensors:
            native = built.pack(inputs, weights) if built.pack else (inputs, weights)
            outputs = built.call(*native)
            return built.unpack(outputs) if built.unpack else outputs

        function = framework.make(whole, "fwd", subject.case.mode, ())

        def call(inputs: Arrays, weights: Arrays) -> Arrays:
            put_inputs = framework.put(inputs, family.inputs(problem), problem.dtype, target)
            put_weights = framework.put(weights, operation.weights(problem), problem.dtype, target)
            return framework.get(function(put_inputs, put_weights, {}))

        return problem, call


def _spread(rows: Array, space: Space, batched: bool) -> Array:
    """Return an array of the Space's shape with a row in every place (its own along the batch)."""
    middle = (1,) * (len(space.shape) - (2 if batched else 1))
    lead = (len(rows),) if batched else ()
    return np.broadcast_to(rows.reshape(*lead, *middle, rows.shape[-1]), space.shape).copy()


PROBES = (Probe("expressivity", expressivity), Probe("interactability", coupled))
