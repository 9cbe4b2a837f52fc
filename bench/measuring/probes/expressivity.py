"""What an operation can express, read off the running implementation.

The implementation is built for the smallest problem with the same irreps, in float64 where it
can be, evaluated on pairs of basis vectors, and its reduced coefficients are compared with the
operation's own. Weights are one; channels, nodes and edges all carry the same vector.

* `expressivity.dim`, `expressivity.span`: the set that is reached and its linear span; their
  detail has `full` (all equivariant bilinear maps) and `outputs`, the same for each output irrep
  and each parity alone.
  For maps too large to read off, `expressivity.derived` gives both from the coefficients alone.
* `expressivity.channels`: how many parallel channels reach the linear span; its detail has the
  dimension for 1, 2, ... channels and what the selection rules alone give.
* `interactability`: the reduced coefficient of each triple of irreps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from analysis.channels import parallel_channels, selected_dimension
from analysis.coupling import (
    accidental_zeros,
    antisymmetric,
    antisymmetric_share,
    dynamic_range,
    sizes,
)
from analysis.outputs import Part, by_output
from analysis.rank import GAP, Rank
from analysis.reduced import Blocks, bilinear_blocks, compare, interactability, labels
from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import Analysis, Probe, Record, Rows, View, by_probe, couples
from bench.measuring.tolerances import tolerance
from bench.record.rows import Reading
from impls.implementation import Tensors
from impls.operation import Path
from impls.problem import Problem
from impls.so3.irreps import Irrep
from impls.spaces import Array, Arrays, Space
from impls.streams import Streams

LARGEST = 1e300
"""What stands for an infinite gap: JSON has no infinity."""
Labels = tuple[tuple[Irrep, ...], tuple[Irrep, ...], tuple[Irrep, ...]]


@dataclass(frozen=True)
class _View:
    """The measured blocks, the labels of the claimed group, and the derived coefficients."""

    blocks: Blocks
    labels: Labels
    derived: dict[Path, float]
    agree: bool
    difference: float


def expressivity(built: BuiltCase) -> Iterable[Reading]:
    """Yield `expressivity.dim` and `expressivity.span`, measured and expected."""
    if (view := _view(built)) is not None:
        yield from _reached(view)


def derived_alone(built: BuiltCase) -> Iterable[Reading]:
    """Yield the same without a value: what the operation's own coefficients say, not measured."""
    if (question := _question(built)) is None:
        return
    whole = by_output(question.derived, *question.labels)[0]
    reason = "derived from the coefficients alone: the map is too large to be read off in a run"
    shared = {"unavailable": reason, "full": whole.full}
    detail = {**shared, **_rank(whole.dim)}
    yield Reading("expressivity.dim", None, detail=detail, expected=_number(whole.dim.value))
    yield Reading("expressivity.span", None, detail=shared, expected=_number(whole.span))


def channels(built: BuiltCase) -> Iterable[Reading]:
    """Yield the same, and `expressivity.channels`: how many channels reach the linear span."""
    if (view := _view(built)) is not None:
        yield from _reached(view)
        yield _saturation(view)


def _reached(view: _View) -> Iterable[Reading]:
    blocks = view.blocks
    measured = by_output(blocks.coefficients, *view.labels)
    expected = by_output(view.derived, *view.labels)
    whole, derived = measured[0], expected[0]
    shared = {"defect": blocks.defect, "difference": view.difference, "agree": view.agree}
    shared |= {"full": whole.full}
    yield _judged(
        "expressivity.dim",
        whole.dim.value,
        derived.dim.value,
        view,
        **_rank(whole.dim),
        **shared,
        outputs=[_output(a, b) for a, b in zip(measured, expected, strict=True)],
    )
    gap = min(blocks.gap, LARGEST)
    verdict = "certain" if gap > GAP else "ambiguous"
    yield _judged(
        "expressivity.span", whole.span, derived.span, view, gap=gap, verdict=verdict, **shared
    )


def _saturation(view: _View) -> Reading:
    measured = parallel_channels(view.blocks.coefficients, *view.labels)
    expected = parallel_channels(view.derived, *view.labels)
    counts = range(1, len(measured.dimensions) + 1)
    coupled = view.blocks.coefficients
    return _judged(
        "expressivity.channels",
        measured.channels,
        expected.channels,
        view,
        dimensions=[rank.value for rank in measured.dimensions],
        expected_dimensions=[rank.value for rank in expected.dimensions],
        selected=[selected_dimension(coupled, *view.labels, channels) for channels in counts],
        gap=min(LARGEST, *(rank.gap for rank in measured.dimensions)),
        verdict=measured.verdict,
        span=measured.span,
        full=measured.full,
        complete=measured.complete,
    )


def _judged(
    probe: str, found: int | None, derived: int | None, view: _View, **detail: Any
) -> Reading:
    passed = found == derived and view.agree
    if not passed:
        detail["problem"] = (
            f"measured {found}, derived {derived} (coefficients differ by {view.difference:.1e})"
        )
    return Reading(
        probe, _number(found), n=1, detail=detail, passed=passed, expected=_number(derived)
    )


def _number(count: int | None) -> float | None:
    return None if count is None else float(count)


def _rank(rank: Rank) -> dict[str, Any]:
    return {"gap": min(rank.gap, LARGEST), "verdict": rank.verdict}


def _output(measured: Part, derived: Part) -> dict[str, Any]:
    return {
        "irrep": measured.name,
        "dim": measured.dim.value,
        "span": measured.span,
        "full": measured.full,
        "expected_dim": derived.dim.value,
        "expected_span": derived.span,
        **_rank(measured.dim),
    }


def coupled(built: BuiltCase) -> Iterable[Reading]:
    """Yield one `interactability` reading for each triple of irreps that the group allows."""
    view = _view(built)
    if view is None:
        return
    found = view.blocks.interactability()
    expected = interactability(view.derived, *view.labels)
    values = sizes(view.blocks.reduced, *view.labels)
    counting = {triple: values[triple] for triple, verdict in found.items() if verdict is True}
    accidental = accidental_zeros(found)
    overall = {
        "dynamic_range": dynamic_range(counting.values()),
        "antisymmetric_share": antisymmetric_share(counting),
    }
    for triple, verdict in found.items():
        detail = {
            **{f"l{n}": str(ir) for n, ir in enumerate(triple, start=1)},
            "interactable": verdict,
            "antisymmetric": antisymmetric(triple),
            "accidental_zero": triple in accidental,
            **overall,
            "derived": expected[triple],
        }
        passed = verdict == expected[triple]
        if not passed:
            detail["problem"] = f"{triple}: measured {verdict}, derived {expected[triple]}"
        yield Reading("interactability", values[triple], n=1, detail=detail, passed=passed)


@dataclass(frozen=True)
class _Question:
    """What is asked of an operation that is bilinear in two inputs, and its own answer."""

    single: Problem
    names: tuple[str, str]
    labels: Labels
    derived: dict[Path, float]


def _question(built: BuiltCase) -> _Question | None:
    operation, family = built.operation, built.family
    if operation.coefficients is None or family.single is None:
        return None
    single = replace(family.single(built.problem), dtype=widest(built))
    parity = "inversion" in operation.exact
    inputs = operation.taken(family.inputs(single))
    bilinear = [name for name, degree in operation.linear_in if name in inputs]
    if len(bilinear) != 2:
        return None
    output = next(iter(operation.outputs(single).values()))
    spaces = (inputs[bilinear[0]], inputs[bilinear[1]], output)
    all_labels = tuple(labels(str(space.irreps), parity) for space in spaces)
    parts: Labels = (all_labels[0], all_labels[1], all_labels[2])
    derived = dict(operation.coefficients(single))
    return _Question(single, (bilinear[0], bilinear[1]), parts, derived)


def _view(built: BuiltCase) -> _View | None:
    if (question := _question(built)) is None:
        return None
    evaluate = BlackBox(built, question.single, *question.names)
    # In float64 the tables of some peers are exact to about 1e-9 only.
    limit = 100 * tolerance(question.single, built.case.target)
    batched = built.family.batch is not None
    blocks = bilinear_blocks(evaluate, *question.labels, tolerance=limit, same_size=batched)
    found = compare(blocks, question.derived, tolerance=limit)
    return _View(blocks, question.labels, question.derived, found.agree, found.difference)


def widest(built: BuiltCase) -> Literal["float64", "float32"]:
    """Return the data type to look at it in; JAX has float64 in its own processes only."""
    x64 = built.implementation.framework != "jax" or built.problem.dtype == "float64"
    return "float64" if x64 else "float32"


def called(built: BuiltCase, problem: Problem) -> Callable[[Arrays, Arrays], Arrays]:
    """Build the implementation for a problem, as a map of NumPy arrays in canonical layout."""
    family, operation, framework = built.family, built.operation, built.framework
    target = built.case.target
    code = built.implementation.build(problem, target, built.case.options)

    def whole(inputs: Tensors, weights: Tensors) -> Tensors:
        native = code.pack(inputs, weights) if code.pack else (inputs, weights)
        outputs = code.call(*native)
        return code.unpack(outputs) if code.unpack else outputs

    function = framework.make(whole, "fwd", built.case.mode, ())
    input_spaces = operation.taken(family.inputs(problem))
    weight_spaces = operation.weights(problem)

    def call(inputs: Arrays, weights: Arrays) -> Arrays:
        put_inputs = framework.put(inputs, input_spaces, problem.dtype, target)
        put_weights = framework.put(weights, weight_spaces, problem.dtype, target)
        return framework.get(function(put_inputs, put_weights, {}))

    return call


class BlackBox:
    """The implementation as (X [n, dim1], Y [n, dim2]) -> Z [n, dim3] in NumPy."""

    def __init__(self, built: BuiltCase, single: Problem, first: str, second: str) -> None:
        self.built, self.single, self.names = built, single, (first, second)
        self.ready: dict[int, _Rows] = {}

    def __call__(self, x: Array, y: Array) -> Array:
        """Evaluate all rows at once, or one by one where the family has no batch."""
        if self.built.family.batch is not None:
            return self._rows(x, y)
        return np.concatenate([self._rows(x[i : i + 1], y[i : i + 1]) for i in range(len(x))])

    def _rows(self, x: Array, y: Array) -> Array:
        if len(x) not in self.ready:
            self.ready[len(x)] = self._built(len(x))
        ready, batched = self.ready[len(x)], self.built.family.batch is not None
        moved = {
            name: _spread(rows, ready.spaces[name], batched)
            for name, rows in zip(self.names, (x, y), strict=True)
        }
        out = next(iter(ready.call({**ready.inputs, **moved}, ready.weights).values()))
        per_row = out if batched else out[None]
        return per_row.reshape(len(x), -1, out.shape[-1])[:, 0, :]

    def _built(self, rows: int) -> _Rows:
        family, operation = self.built.family, self.built.operation
        sizes = {} if family.batch is None else {family.batch: rows}
        problem = self.single.with_sizes(**sizes)
        weights = {name: np.ones(s.shape) for name, s in operation.weights(problem).items()}
        drawn = operation.taken(family.draw(problem, Streams(0)))
        spaces = operation.taken(family.inputs(problem))
        return _Rows(called(self.built, problem), spaces, drawn, weights)


@dataclass(frozen=True)
class _Rows:
    """The implementation built for a number of rows, with all that it takes beside them."""

    call: Callable[[Arrays, Arrays], Arrays]
    spaces: Mapping[str, Space]
    inputs: Arrays
    weights: Arrays


def _spread(rows: Array, space: Space, batched: bool) -> Array:
    """Return an array of the Space's shape with a row in every place (its own along the batch)."""
    middle = (1,) * (len(space.shape) - (2 if batched else 1))
    lead = (len(rows),) if batched else ()
    return np.broadcast_to(rows.reshape(*lead, *middle, rows.shape[-1]), space.shape).copy()


PROBES = (
    Probe("expressivity", expressivity),
    Probe("expressivity.derived", derived_alone),
    Probe("expressivity.channels", channels),
    Probe("interactability", coupled),
)


def _expressivity(rows: Rows) -> Iterator[Record]:
    """Yield what is reached, its span and the full space."""
    found = by_probe(rows)
    if "expressivity.dim" in found and "expressivity.span" in found:
        dim, span = found["expressivity.dim"], found["expressivity.span"]
        yield {
            "dim": int(dim["value"]),
            "span": int(span["value"]),
            "full": dim["detail"]["full"],
            "expected_dim": _whole(dim["expected"]),
            "expected_span": _whole(span["expected"]),
            "gap": dim["detail"]["gap"],
            "verdict": dim["detail"]["verdict"],
            "passed": dim["passed"] and span["passed"],
        }


def _whole(expected: float | None) -> int | None:
    return None if expected is None else int(expected)


def _outputs(rows: Rows, _: int) -> Iterator[Record]:
    """Yield the same for the whole output, each parity and each irrep alone."""
    found = by_probe(rows)
    if "expressivity.dim" in found:
        dim = found["expressivity.dim"]
        for part in dim["detail"]["outputs"]:
            yield {**part, "passed": dim["passed"]}


def _channels(rows: Rows, most: int) -> Iterator[Record]:
    """Yield the dimension of 1, 2, ..., `most` parallel channels.

    `selected` is what the selection rules alone give, `saturation` the channels that reach the
    linear span, and `complete` those that reach all equivariant maps: none where the span is less.
    """
    found = by_probe(rows)
    if "expressivity.channels" not in found:
        return
    row = found["expressivity.channels"]
    detail = row["detail"]
    for number in range(1, most + 1):
        dims, expected, selected = (
            detail[name][min(number, len(detail[name])) - 1]
            for name in ("dimensions", "expected_dimensions", "selected")
        )
        yield {
            "channels": number,
            "dim": dims,
            "expected_dim": expected,
            "selected": selected,
            "span": detail["span"],
            "full": detail["full"],
            "saturation": None if row["value"] is None else int(row["value"]),
            "complete": detail["complete"],
            "gap": detail["gap"],
            "verdict": detail["verdict"],
            "passed": row["passed"],
        }


def _interactability(rows: Rows) -> Iterator[Record]:
    """Yield each triple that the group allows."""
    names = ("antisymmetric", "accidental_zero", "dynamic_range", "antisymmetric_share")
    for row in rows:
        if row["probe"] == "interactability":
            detail = row["detail"]
            yield {
                **{name: detail[name] for name in ("l1", "l2", "l3")},
                "coefficient": row["value"],
                "interactable": detail["interactable"],
                "expected_interactable": detail["derived"],
                **{name: detail[name] for name in names},
            }


ANALYSES = (
    Analysis(
        "expressivity",
        "Dimension and linear span of the bilinear maps that it can realise.",
        ("error", "expressivity.channels"),
        _expressivity,
        couples,
        "--operation gaunt --setting mimo --symmetry so3 --lmax 3",
        views=(
            View(
                "parallel",
                "dimension of 1..N channels side by side",
                _channels,
                counts=True,
                former="channels",
            ),
            View("irreps", "each parity and irrep of the output alone", _outputs),
        ),
    ),
    Analysis(
        "interactability",
        "Reduced coefficient of every (l1, l2, l3), and whether it can couple.",
        ("error", "interactability"),
        _interactability,
        couples,
        "--operation matrix --lmax 5 --format csv",
    ),
)
