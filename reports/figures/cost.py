"""Cost of one operation against size: its best implementations, and the baseline in grey."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from reports.data.blocks import Block
from reports.data.results import Result
from reports.data.series import Series
from reports.data.text import slug
from reports.data.words import Words
from reports.figures.curves import Curve, Figure, Panel, Point, near
from reports.figures.style import Look

BEST = 5
"""Implementations of the operation that are drawn, the fastest at the largest size."""


def figure_of(series: Series, operation: str, words: Words) -> tuple[Figure, str] | None:
    """Return the figure, and the label of the baseline; None without two sizes."""
    panels, baseline = [], ""
    for pass_ in series.passes:
        sizes = series.blocks[pass_]
        curves = _curves(sizes, operation, words)
        if not curves:
            continue
        grey, name = _baseline(sizes, {curve.label for curve in curves}, words)
        baseline = name or baseline
        last = sizes[max(curve.points[-1][0] for curve in curves)]
        mine = [r for r in last.results if r.columns.get("operation") == operation]
        panels.append(Panel(words.pass_(pass_), (*curves, *grey), near(mine)))
    if len({p[0] for panel in panels for c in panel.curves for p in c.points}) < 2:
        return None
    first = series.first
    where = "" if first.clock.plain else first.clock.label.removeprefix("time")
    title = f"{words.operation(operation)}, {words.problem(first, leave_out=[series.axis])}"
    made = Figure(
        f"cost-{slug(operation)}", title, series.axis, first.clock.name, "s", True, False,
        tuple(panels), words.facet(first.columns.get("family"), series.axis),
        f"time of one call{where}",
    )  # fmt: skip
    return made, baseline


def muted(looks: Mapping[str, Look], baseline: str) -> Mapping[str, Look]:
    """Return looks in which the baseline is grey."""
    if baseline not in looks:
        return looks
    return {**looks, baseline: replace(looks[baseline], grey=True)}


def _curves(sizes: Mapping[float, Block], operation: str, words: Words) -> list[Curve]:
    found: dict[str, list[tuple[float, Result]]] = defaultdict(list)
    for size, block in sizes.items():
        for r in block.results:
            if r.columns.get("operation") == operation and r.time:
                found[r.label].append((size, r))
    curves = [_curve(label, along, words.implementation(along[0][1])) for label, along in
              found.items()]  # fmt: skip
    return sorted(curves, key=lambda c: (-c.points[-1][0], c.points[-1][1], c.label))[:BEST]


def _baseline(
    sizes: Mapping[float, Block], drawn: set[str], words: Words
) -> tuple[list[Curve], str]:
    found = [(size, block.baseline) for size, block in sizes.items() if block.baseline]
    if not found:
        return [], ""
    label = found[-1][1].label
    along = [(size, r) for size, r in found if r.label == label]
    if label in drawn:
        return [], label
    return [_curve(label, along, f"baseline: {words.both(along[0][1])}")], label


def _curve(label: str, along: list[tuple[float, Result]], title: str) -> Curve:
    r = along[0][1]
    points: list[Point] = []
    for size, each in sorted(along, key=lambda item: item[0]):
        m = each.measures[each.clock.probe]
        points.append((size, each.time or 0.0, m.lo, m.hi))
    columns = r.columns
    return Curve(
        label, str(columns.get("operation")), str(columns.get("framework")), tuple(points), title
    )
