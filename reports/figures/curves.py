"""Curves: what a figure shows, before anything is drawn; its alt text and its table."""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reports.data.clocks import HOST, Clock
from reports.data.expressivity import Expressivity
from reports.data.results import TARGET, Result
from reports.data.sets import CLOCK, JUDGED, FigureSpec
from reports.data.table import Cell, Column, Table
from reports.data.text import (
    NONE,
    decimals,
    fixed,
    listing,
    natural,
    number,
    quantity,
    scale_of,
    slug,
)

Point = tuple[float, float, float | None, float | None]


@dataclass(frozen=True)
class Curve:
    """One implementation: points (x, y, lo, hi) in the order of x."""

    label: str
    operation: str
    framework: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Panel:
    """One pair of axes."""

    title: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Figure:
    """One figure: panels that share their vertical axis."""

    name: str
    title: str
    xlabel: str
    ylabel: str
    unit: str
    log: bool
    ratio: bool
    panels: tuple[Panel, ...]

    @property
    def size(self) -> int:
        """Return how many points the figure has."""
        return sum(len(curve.points) for panel in self.panels for curve in panel.curves)

    @property
    def alt(self) -> str:
        """Return what the figure shows, in words, from its data."""
        axis = "logarithmic" if self.log else "linear"
        text = [f"{self.title}: {self.ylabel} on a {axis} axis against {self.xlabel}."]
        for panel in self.panels:
            text.append(_described(panel, self))
        return " ".join(text)


def _described(panel: Panel, figure: Figure) -> str:
    sentences = []
    xs = sorted({p[0] for c in panel.curves for p in c.points})
    for x in xs[:1] + xs[1:][-1:]:
        ranked = sorted((p[1], c.label) for c in panel.curves for p in c.points if p[0] == x)
        low, high = ranked[0], ranked[-1]
        sentence = f"at {figure.xlabel} {number(x)} from {low[1]} ({quantity(low[0], figure.unit)})"
        if len(ranked) > 1:
            sentence += f" to {high[1]} ({quantity(high[0], figure.unit)})"
        sentences.append(sentence)
    curves = f"{len(panel.curves)} implementation" + ("s" if len(panel.curves) != 1 else "")
    title = f"{panel.title}: " if panel.title else ""
    return f"{title}{curves}; {listing(sentences)}."


def figures_of(
    spec: FigureSpec, results: Sequence[Result], expressivity: Expressivity
) -> list[Figure]:
    """Return the figures of a block: one per combination of its facets and of all that differs.

    What is neither the axis, a facet nor a panel is never mixed: cases that differ in it (batch,
    dtype, machine ...) are drawn apart. So are judged times of two clocks.
    """
    points: dict[tuple[Clock, tuple[Any, ...]], dict[Any, dict[str, list[tuple[Result, Point]]]]]
    points = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    units: set[str] = set()
    shown = [r for r in results if _selected(spec, r)]
    names = _apart(spec, shown)
    for r in shown:
        point = _point(spec, r, expressivity)
        if point is None:
            continue
        clock = r.clock if spec.y == JUDGED else HOST
        key = clock, tuple((name, r.get(name)) for name in names)
        points[key][r.get(spec.columns) if spec.columns else ""][r.label].append((r, point))
        units.add(r.measures[_probe(spec, r)].unit)
    unit = next(iter(units)) if len(units) == 1 else "1"
    telling = _telling(names, spec.facets, shown)
    used: set[str] = set()
    return [
        _figure(spec, clock, key, panels, unit, telling, used)
        for (clock, key), panels in sorted(
            points.items(), key=lambda i: ([natural(v) for _, v in i[0][1]], i[0][0].word)
        )
    ]


def _selected(spec: FigureSpec, r: Result) -> bool:
    return fnmatch.fnmatchcase(str(r.columns.get("case")), spec.select) and fnmatch.fnmatchcase(
        str(r.columns.get("operation")), spec.operations
    )


def _apart(spec: FigureSpec, shown: Sequence[Result]) -> tuple[str, ...]:
    """Return what tells figures apart: the facets asked for, and everything else."""
    names = [*spec.facets, *(name for r in shown for name in r.facets)]
    names += ["family", "pass", "data", "seed", *TARGET, "machine", "environment"]
    return tuple(n for n in dict.fromkeys(names) if n not in (spec.x, spec.columns))


def _probe(spec: FigureSpec, r: Result) -> str:
    """Return the probe on the vertical axis: for judged times that of the clock of the result."""
    return r.clock.probe if spec.y == JUDGED else spec.y


def _point(spec: FigureSpec, r: Result, expressivity: Expressivity) -> Point | None:
    x, y = r.get(spec.x), r.value(_probe(spec, r))
    if y is None or isinstance(x, bool) or not isinstance(x, int | float):
        return None
    per = 1.0
    if spec.per:
        m = expressivity.of(r, spec.per) or r.measures.get(spec.per)
        if m is None or not m.value or m.status != "ok":
            return None
        per = m.value
    m = r.measures[_probe(spec, r)]
    lo, hi = (v / per if v is not None else None for v in (m.lo, m.hi))
    if spec.scale == "log" and y <= 0:
        return None
    return float(x), y / per, lo, hi


def _figure(
    spec: FigureSpec,
    clock: Clock,
    key: tuple[tuple[str, Any], ...],
    panels: dict[Any, dict[str, list[tuple[Result, Point]]]],
    unit: str,
    telling: tuple[str, ...],
    used: set[str],
) -> Figure:
    words = [
        str(v) if isinstance(v, str) else f"{n} {v}"
        for n, v in key
        if v is not None and n in telling
    ]
    by = [] if clock.plain else [clock.word]
    name = base = slug(" ".join([spec.name, *by, *words]))
    while name in used:
        name = f"{base}-{len(used)}"
    used.add(name)
    per = f" / {spec.per}" if spec.per else ""
    title = spec.title.replace(CLOCK, clock.word)
    return Figure(
        name=name,
        title=f"{title}, {' '.join(words)}" if words else title,
        xlabel=spec.xlabel or spec.x,
        ylabel=f"{clock.name if spec.y == JUDGED else spec.y}{per}",
        unit=unit,
        log=spec.scale == "log",
        ratio=bool(spec.per),
        panels=tuple(
            Panel(f"{spec.columns} {value}".strip(), _curves(panels[value]))
            for value in sorted(panels, key=natural)
        ),
    )


def _telling(
    names: Sequence[str], asked: Sequence[str], shown: Sequence[Result]
) -> tuple[str, ...]:
    """Return the names that a title needs: the facets asked for, and what they do not settle."""
    kept = list(asked)
    for name in names:
        groups = {tuple(str(r.get(n)) for n in kept) for r in shown}
        finer = {tuple(str(r.get(n)) for n in (*kept, name)) for r in shown}
        if name not in kept and len(finer) > len(groups):
            kept.append(name)
    return tuple(kept)


def _curves(found: dict[str, list[tuple[Result, Point]]]) -> tuple[Curve, ...]:
    curves = []
    for label, items in sorted(found.items()):
        columns = items[0][0].columns
        points = tuple(sorted((p for _, p in items), key=lambda p: p[0]))
        operation, framework = str(columns.get("operation")), str(columns.get("framework"))
        curves.append(Curve(label, operation, framework, points))
    return tuple(curves)


def table(figure: Figure) -> Table:
    """Return the numbers of a figure: an implementation a row, a position on the axis a column."""
    places = [(p, x) for p in figure.panels for x in _positions(p)]
    values = [pt[1] for p in figure.panels for c in p.curves for pt in c.points]
    factor, unit = scale_of(values, figure.unit, "least")
    labels = sorted({c.label for p in figure.panels for c in p.curves})
    columns = [Column("Implementation")]
    columns += [Column(f"{figure.xlabel} {number(x)}", p.title, True) for p, x in places]
    rows = []
    for label in labels:
        cells = [Cell(label, header=True)]
        for panel, x in places:
            found = [pt for c in panel.curves if c.label == label for pt in c.points if pt[0] == x]
            cells.append(_number(found[0], factor) if found else Cell(NONE, kind="muted"))
        rows.append(cells)
    records = [
        {
            "panel": panel.title,
            "implementation": curve.label,
            figure.xlabel: x,
            f"{figure.ylabel} [{figure.unit}]": y,
            "lo": lo,
            "hi": hi,
        }
        for panel in figure.panels
        for curve in panel.curves
        for x, y, lo, hi in curve.points
    ]
    caption = f"{figure.title}: {figure.ylabel} [{unit}]"
    return Table(figure.name, caption, columns, rows, (), records)


def _positions(panel: Panel) -> list[float]:
    return sorted({p[0] for c in panel.curves for p in c.points})


def _number(point: Point, factor: float) -> Cell:
    return Cell(fixed(point[1] / factor, decimals(point[1] / factor)))
