"""What a knob buys and costs: time, symmetry error and what can be expressed, against its value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from reports.data.expressivity import Expressivity
from reports.data.knobs import Sweep, asymmetry_of, sweeps
from reports.data.results import BLOCK, Result
from reports.data.text import slug
from reports.data.words import Words
from reports.figures.curves import Curve, Figure, Panel, Point

MOVES = 1.5
"""By what factor something must change along a knob to be drawn; a time always is."""
Told = Callable[[Result], Point | None]


def figures_of(
    operation: str, results: Sequence[Result], can: Expressivity, words: Words
) -> list[Figure]:
    """Return figures against a knob of an operation, for the question with most values of one."""
    asked: dict[tuple[Any, ...], list[Sweep]] = defaultdict(list)
    for sweep in sweeps(operation, results):
        if all(_place(value) is not None for value in sweep.values):
            asked[sweep.knob, *map(sweep.results[0].columns.get, BLOCK)].append(sweep)
    if not asked:
        return []
    best = max(asked.values(), key=lambda found: sum(len(sweep.results) for sweep in found))
    first = best[0].results[0]
    where = "" if first.clock.plain else first.clock.label.removeprefix("time")
    kinds: tuple[tuple[str, str, str, bool, Told], ...] = (
        ("time", f"time of one call{where}", "s", True, _time),
        ("symmetry", "symmetry error, relative", "1", True, _of(asymmetry_of)),
        ("dimension", "dimension of what it can express", "1", False, _of(can.dim)),
    )
    title = f"{words.operation(operation)}, {words.problem(first)}"
    pass_ = words.pass_(first.columns.get("pass"))
    figures = []
    for name, up, unit, log, told in kinds:
        curves = tuple(filter(None, (_curve(sweep, told, words) for sweep in best)))
        values = [p[1] for curve in curves for p in curve.points]
        if values and (name == "time" or max(values) > MOVES * min(values)):
            knob = best[0].knob
            figures.append(
                Figure(
                    f"knob-{name}-{slug(operation)}", title, knob, up, unit, log, False,
                    (Panel(pass_, curves),), knob.replace("_", " "), up,
                )
            )  # fmt: skip
    return figures


def _curve(sweep: Sweep, told: Told, words: Words) -> Curve | None:
    first = sweep.results[0]
    points = [(_place(v), told(r)) for v, r in zip(sweep.values, sweep.results, strict=True)]
    shown = tuple((x, *point[1:]) for x, point in points if x is not None and point is not None)
    columns = first.columns
    return (shown and Curve(
        first.label, str(columns.get("operation")), str(columns.get("framework")), shown,
        words.implementation(first, knobs=False),
    )) or None  # fmt: skip


def _place(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if known else None


def _time(r: Result) -> Point | None:
    m = r.measures.get(r.clock.probe)
    return (0.0, r.time, m.lo, m.hi) if m and r.time else None


def _of(value: Callable[[Result], float | None]) -> Told:
    """Return what tells a positive value without an interval."""

    def told(r: Result) -> Point | None:
        found = value(r)
        return (0.0, found, None, None) if found else None

    return told
