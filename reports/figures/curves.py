"""Curves: what a figure shows, before anything is drawn; its alt text and its table."""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

from analysis.scaling import exponent
from reports.data.blocks import beside_fastest
from reports.data.clocks import HOST, Clock
from reports.data.expressivity import DIM, Expressivity
from reports.data.results import LEVEL, TARGET, Result
from reports.data.sets import CLOCK, JUDGED, FigureSpec
from reports.data.symmetry import asked, broken, words
from reports.data.table import Cell, Column, Table
from reports.data.text import (
    NONE,
    decimals,
    fixed,
    listing,
    natural,
    number,
    percent,
    quantity,
    scale_of,
    slug,
)
from reports.data.words import Words

Point = tuple[float, float, float | None, float | None]
NAMED = 7
"""Curves that a panel labels; the others are faint."""


@dataclass(frozen=True)
class Curve:
    """One implementation: points (x, y, lo, hi) in the order of x.

    `title` is what people read, with the symmetries that it `breaks`, of those asked for.
    """

    label: str
    operation: str
    framework: str
    points: tuple[Point, ...]
    title: str = ""
    breaks: str = ""

    @property
    def named(self) -> str:
        """Return what people read."""
        return self.title or self.label


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    `near` are the labels that are not told apart from the lowest at the right end; None where
    no verdict is to be had.
    """

    title: str
    curves: tuple[Curve, ...]
    near: frozenset[str] | None = None


@dataclass(frozen=True)
class Figure:
    """One figure: panels that share their vertical axis; `across` and `up` name axes in words."""

    name: str
    title: str
    xlabel: str
    ylabel: str
    unit: str
    log: bool
    ratio: bool
    panels: tuple[Panel, ...]
    across: str = ""
    up: str = ""

    @property
    def size(self) -> int:
        """Return how many points the figure has."""
        return sum(len(curve.points) for panel in self.panels for curve in panel.curves)

    @property
    def alt(self) -> str:
        """Return what the figure shows, in words, from its data."""
        axis = "logarithmic" if self.log else "linear"
        up, across = self.up or self.ylabel, self.across or self.xlabel
        text = [f"{self.title}: {up} on a {axis} axis against {across}."]
        for panel in self.panels:
            text.append(_described(panel, self))
        return " ".join(text)

    @property
    def caption(self) -> str:
        """Return what to see, panel by panel: what is lowest, and how it grows by a fit."""
        said = []
        for panel in self.panels:
            sound = [c for c in panel.curves if not c.breaks]
            if not sound:
                continue
            right = max(c.points[-1][0] for c in sound)
            ends = [c for c in sound if c.points[-1][0] == right]
            lowest = min(ends, key=lambda c: (c.points[-1][1], c.label))
            at = f"{self.across} = {number(right)}"
            value = _said(lowest.points[-1][1], self.unit)
            grows = _growth(lowest, self.across)
            close = [c.named for c in ends if c.label in (panel.near or ()) and c is not lowest]
            unsure = close or (panel.near is None and lowest.points[-1][2] is not None)
            what = "lowest median" if unsure else "lowest"
            said.append(
                f"{panel.title}: {what} at {at} is {lowest.named}, {value}{grows}"
                f"{_apart(close)}".lstrip(": ")
            )
        more = "; faint: the others" if any(len(p.curves) > NAMED for p in self.panels) else ""
        bars = f". Bars are {percent(LEVEL)} intervals of the median and set no axis"
        points = [p for panel in self.panels for curve in panel.curves for p in curve.points]
        known = any(None not in p[2:] for p in points)
        return f"{'. '.join(said)}{bars if known else ''}{more}."


def _said(value: float, unit: str) -> str:
    return number(value) if unit == "1" else quantity(value, unit)


MOST = 2
"""Names that a caption lists of what is not told apart from the lowest."""


def _apart(names: Sequence[str]) -> str:
    """Return what the lowest is not told apart from, in words."""
    if not names:
        return ""
    more = [f"{len(names) - MOST} more"] if len(names) > MOST else []
    return f"; not told apart from {listing([*names[:MOST], *more])}"


def near(results: Sequence[Result]) -> frozenset[str]:
    """Return the labels of published results that are not told apart from the fastest.

    Verdicts are for all pairs of them, since it was chosen from all.
    """
    ranked = sorted((r for r in results if r.time), key=lambda r: (r.time or 0.0, r.label))
    return frozenset(
        each.a.label
        for each in beside_fastest([ranked] if ranked else [])
        if each.verdict is None or each.verdict.kind not in ("faster", "slower")
    )


def _growth(curve: Curve, xlabel: str) -> str:
    """Return how a curve grows, by a fit to the sizes at which its exponent has settled."""
    xs, ys = [p[0] for p in curve.points], [p[1] for p in curve.points]
    if len(xs) < 3 or min(xs) <= 0 or min(ys) <= 0:
        return ""
    found = exponent(xs, ys, level=LEVEL)
    if isnan(found.lo):
        return f", growing as {xlabel} to the power {found.value:.1f} at the end"
    return f", growing as {xlabel} to the power {found.value:.1f} [{found.lo:.1f}, {found.hi:.1f}]"


def _described(panel: Panel, figure: Figure) -> str:
    sentences = []
    xs = sorted({p[0] for c in panel.curves for p in c.points})
    for x in xs[:1] + xs[1:][-1:]:
        ranked = sorted((p[1], c.named) for c in panel.curves for p in c.points if p[0] == x)
        at = f"at {figure.across or figure.xlabel} = {number(x)}"
        ends = [f"{name} ({_said(y, figure.unit)})" for y, name in (ranked[0], *ranked[1:][-1:])]
        sentence = f"{at} from {' to '.join(ends)}"
        sentences.append(sentence)
    curves = f"{len(panel.curves)} implementation" + ("s" if len(panel.curves) != 1 else "")
    title = f"{panel.title}: " if panel.title else ""
    return f"{title}{curves}; {listing(sentences)}."


def figures_of(
    spec: FigureSpec, results: Sequence[Result], expressivity: Expressivity, read: Words
) -> list[Figure]:
    """Return the figures of a block: one per combination of its facets and of all that differs.

    What is neither the axis, a facet nor a panel is never mixed: cases that differ in it (batch,
    dtype, machine ...) are drawn apart. So are judged times of two clocks.
    """
    points: dict[tuple[Clock, tuple[Any, ...]], dict[Any, dict[str, list[tuple[Result, Point]]]]]
    points = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    units: set[str] = set()
    shown = [r for r in results if _selected(spec, r)]
    names = _differ(spec, shown)
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
        _figure(spec, clock, key, panels, unit, telling, used, read)
        for (clock, key), panels in sorted(
            points.items(), key=lambda i: ([natural(v) for _, v in i[0][1]], i[0][0].word)
        )
    ]


def _selected(spec: FigureSpec, r: Result) -> bool:
    return fnmatch.fnmatchcase(str(r.columns.get("case")), spec.select) and fnmatch.fnmatchcase(
        str(r.columns.get("operation")), spec.operations
    )


def _differ(spec: FigureSpec, shown: Sequence[Result]) -> tuple[str, ...]:
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
    read: Words,
) -> Figure:
    first = next(iter(next(iter(panels.values())).values()))[0][0]
    apart = [(n, v) for n, v in key if v is not None and n in telling]
    told = [str(v) if isinstance(v, str) else f"{n} {v}" for n, v in apart]
    family = first.columns.get("family")
    said = ", ".join(read.value(family, n, v) for n, v in apart)
    by = [] if clock.plain else [clock.word]
    name = base = slug(" ".join([spec.name, *by, *told]))
    while name in used:
        name = f"{base}-{len(used)}"
    used.add(name)
    per = f" / {spec.per}" if spec.per else ""
    title = spec.title.replace(CLOCK, clock.word)
    return Figure(
        name=name,
        title=f"{title}, {said}" if said else title,
        xlabel=spec.xlabel or spec.x,
        ylabel=f"{clock.name if spec.y == JUDGED else spec.y}{per}",
        unit=unit,
        log=spec.scale == "log",
        ratio=bool(spec.per),
        panels=tuple(
            Panel(
                _heading(spec.columns, value, read),
                _curves(panels[value], read),
                _near(panels[value]) if spec.y == JUDGED and not spec.per else None,
            )
            for value in sorted(panels, key=natural)
        ),
        across=spec.xlabel or read.facet(family, spec.x),
        up=_up(spec, clock),
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


def _up(spec: FigureSpec, clock: Clock) -> str:
    """Return what the vertical axis is, in words."""
    where = "" if clock.plain else clock.label.removeprefix("time")
    name = f"time of one call{where}" if spec.y == JUDGED else spec.y
    per = {"": "", DIM: " for each dimension"}.get(spec.per, f" / {spec.per}")
    return name + per


def _heading(name: str, value: Any, read: Words) -> str:
    return read.pass_(value) if name == "pass" else f"{name} {value}".strip()


def _near(found: dict[str, list[tuple[Result, Point]]]) -> frozenset[str]:
    """Return who is not told apart from the lowest at the right end that keeps its symmetry."""
    places = [(point[0], r) for items in found.values() for r, point in items]
    wanted = asked([r for _, r in places])
    sound = [(x, r) for x, r in places if not broken(r, wanted)]
    right = max((x for x, _ in sound), default=0.0)
    return near([r for x, r in sound if x == right])


def _curves(found: dict[str, list[tuple[Result, Point]]], read: Words) -> tuple[Curve, ...]:
    wanted = asked([r for items in found.values() for r, _ in items])
    curves = []
    for label, items in sorted(found.items()):
        r = items[0][0]
        points = tuple(sorted((p for _, p in items), key=lambda p: p[0]))
        operation, framework = str(r.columns.get("operation")), str(r.columns.get("framework"))
        gone = words(broken(r, wanted))
        title = f"{read.operation(operation)}, {read.implementation(r)}"
        title += f" (breaks {gone})" if gone else ""
        curves.append(Curve(label, operation, framework, points, title, gone))
    return tuple(curves)


def table(figure: Figure) -> Table:
    """Return the numbers of a figure: an implementation a row, a position on the axis a column."""
    places = [(p, x) for p in figure.panels for x in _positions(p)]
    values = [pt[1] for p in figure.panels for c in p.curves for pt in c.points]
    factor, unit = scale_of(values, figure.unit, "least")
    titles = {c.label: c.title or c.label for p in figure.panels for c in p.curves}
    labels = sorted(titles)
    columns = [Column("Implementation")]
    across = figure.across or figure.xlabel
    columns += [Column(f"{across} = {number(x)}", p.title, True) for p, x in places]
    rows = []
    for label in labels:
        cells = [Cell(titles[label], header=True)]
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
    caption = f"{figure.title}: {figure.up or figure.ylabel} [{unit}]"
    return Table(figure.name, caption, columns, rows, (), records)


def _positions(panel: Panel) -> list[float]:
    return sorted({p[0] for c in panel.curves for p in c.points})


def _number(point: Point, factor: float) -> Cell:
    return Cell(fixed(point[1] / factor, decimals(point[1] / factor)))
