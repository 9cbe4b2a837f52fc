"""What an operation can express, read off the running implementation.

Its reduced coefficients (`coefficients.py`) are compared with the operation's own.

* `expressivity.dim`, `expressivity.span`: the set that is reached and its linear span; their
  detail has `full` (all equivariant bilinear maps) and `outputs`, the same for each output irrep
  and each parity alone.
  For maps too large to read off, `expressivity.derived` gives both from the coefficients alone.
* `expressivity.channels`: how many parallel channels reach the linear span; its detail has the
  dimension for 1, 2, ... channels and what the selection rules alone give.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from analysis.channels import parallel_channels, selected_dimension
from analysis.outputs import Part, by_output
from analysis.rank import GAP, Rank
from bench.measuring.built_case import BuiltCase
from bench.measuring.probes import LARGEST, Analysis, Probe, Record, Rows, View, by_probe, couples
from bench.measuring.probes.coefficients import Coefficients, asked, read_off
from bench.record.rows import Reading


def expressivity(built: BuiltCase) -> Iterable[Reading]:
    """Yield `expressivity.dim` and `expressivity.span`, measured and expected."""
    if (view := read_off(built)) is not None:
        yield from _reached(view)


def derived_alone(built: BuiltCase) -> Iterable[Reading]:
    """Yield the same without a value: what the operation's own coefficients say, not measured."""
    if (question := asked(built)) is None:
        return
    whole = by_output(question.derived, *question.labels)[0]
    reason = "derived from the coefficients alone: the map is too large to be read off in a run"
    shared = {"unavailable": reason, "full": whole.full}
    detail = {**shared, **_rank(whole.dim)}
    yield Reading("expressivity.dim", None, detail=detail, expected=_number(whole.dim.value))
    yield Reading("expressivity.span", None, detail=shared, expected=_number(whole.span))


def channels(built: BuiltCase) -> Iterable[Reading]:
    """Yield the same, and `expressivity.channels`: how many channels reach the linear span."""
    if (view := read_off(built)) is not None:
        yield from _reached(view)
        yield _saturation(view)


def _reached(view: Coefficients) -> Iterable[Reading]:
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


def _saturation(view: Coefficients) -> Reading:
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
    probe: str, found: int | None, derived: int | None, view: Coefficients, **detail: Any
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


PROBES = (
    Probe("expressivity", expressivity),
    Probe("expressivity.derived", derived_alone),
    Probe("expressivity.channels", channels),
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


ANALYSES = (
    Analysis(
        "expressivity",
        "Dimension and linear span of the bilinear maps that it can realise.",
        ("error", "expressivity.channels"),
        _expressivity,
        couples,
        "--operation gaunt --setting mimo --symmetry so3 --lmax 3",
        (
            "A line for each question: dim, the dimension of the set of bilinear maps that it can "
            "realise, span, that of its linear span, both as measured and as derived, and full, "
            "that of all equivariant maps."
        ),
        (
            "python -m bench analyse interactability says which paths are missing; python -m "
            "bench run --family product what the operation costs."
        ),
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
)
