"""What can be expressed against what it takes, one size at a time: the best of each operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from analysis.pareto import front
from reports.data.blocks import Block
from reports.data.clocks import HOST, Clock
from reports.data.expressivity import Expressivity
from reports.data.series import Series
from reports.data.symmetry import asked, broken, words
from reports.data.text import listing, number, quantity, slug
from reports.data.words import Words
from reports.figures.labels import Label, place
from reports.figures.plot import INK, PAPER, Drawing, saved, styled, svg_of, tick
from reports.figures.style import COLUMN, GREY, PANEL, SCREEN, Look

PANELS = 4
"""Sizes that a figure shows side by side, the largest."""
NAMED = 7
"""Operations that a panel names, the fastest."""


class Point(NamedTuple):
    """One implementation: its time [s], what it can express, its names, what symmetry it breaks."""

    label: str
    time: float
    dim: float
    operation: str = ""
    title: str = ""
    breaks: str = ""


@dataclass(frozen=True)
class Figure:
    """One series: the points of each pass and size."""

    name: str
    title: str
    size: str
    passes: Mapping[str, Mapping[float, Sequence[Point]]]
    clock: Clock = HOST
    symbol: str = ""

    @property
    def alt(self) -> str:
        """Return who is not dominated, in words."""
        said = []
        for name, sizes in self.passes.items():
            largest = max(sizes)
            members = [
                f"{p.title or p.label} ({quantity(p.time, 's')}, dimension {number(p.dim)})"
                for p in not_dominated(sizes[largest])
            ]
            said.append(f"{name}{self._at(largest)}: {listing(members)}")
        return f"{self.title}. Not dominated, by growing time: {'; '.join(said)}."

    @property
    def caption(self) -> str:
        """Return what to see: who is not dominated at the largest size, and at what price."""
        name, sizes = next(iter(self.passes.items()))
        largest = max(sizes)
        front_of = not_dominated(sizes[largest])
        said = [f"{p.title} for {quantity(p.time, 's')} ({number(p.dim)})" for p in front_of]
        hollow = any(
            p.breaks for found in self.passes.values() for ps in found.values() for p in ps
        )
        breaks = "; hollow: it breaks a symmetry that the problem asks for" if hollow else ""
        at = self._at(largest)
        return (
            f"What an operation can express (dimension, up) against {self.across}, a panel for "
            "each size; left and up is better. A dot is an implementation, the best of each "
            f"operation is named{breaks}. Not dominated{at}, {name}: {listing(said)}."
        )

    def _at(self, size: float) -> str:
        return f" at {self.symbol} {number(size)}" if self.symbol else ""

    @property
    def across(self) -> str:
        """Return what the horizontal axis is."""
        return "time of one call" + ("" if self.clock.plain else f", {self.clock.label[5:]}")


def not_dominated(points: Sequence[Point]) -> list[Point]:
    """Return the points that keep symmetry and to which no other is preferable, by time."""
    sound = [p for p in points if not p.breaks]
    return [sound[i] for i in front([(p.time, p.dim) for p in sound])]


def best_of_each(points: Sequence[Point]) -> list[Point]:
    """Return the fastest of each operation, by time; those that break a symmetry come last."""
    best: dict[str, Point] = {}
    for p in sorted(points, key=lambda p: (p.time, p.label)):
        best.setdefault(p.operation or p.label, p)
    return sorted(best.values(), key=lambda p: (bool(p.breaks), p.time))


def figure_of(series: Series, can: Expressivity, words_: Words, name: str = "") -> Figure | None:
    """Return the figure of the sizes of a series at which what is expressed differs, if any."""
    first = series.first
    clock = first.clock
    passes = {}
    for pass_ in series.passes:
        drawn = {size: points(block, can, words_) for size, block in series.blocks[pass_].items()}
        sizes = {size: shown for size, shown in drawn.items() if len({p.dim for p in shown}) > 1}
        if sizes:
            passes[words_.pass_(pass_)] = sizes
    if not passes:
        return None
    title = words_.problem(first, leave_out=[series.axis])
    dtype, device = first.columns.get("dtype"), first.columns.get("device")
    by = "" if clock.plain else f", {clock.label}"
    return Figure(
        name or f"front-{slug(title)[:60]}", f"{title}, {dtype}, {device}{by}", series.axis, passes,
        clock, words_.size(series.axis, 0.0).partition("0")[0].strip(),
    )  # fmt: skip


def figures(series: Sequence[Series], can: Expressivity, words_: Words) -> list[Figure]:
    """Return the figures of all series in which what is expressed differs."""
    found: list[Figure] = []
    for each in series:
        made = figure_of(each, can, words_)
        if made is not None:
            name = f"front-{len(found):02d}-{made.name.removeprefix('front-')}"
            found.append(Figure(name, made.title, made.size, made.passes, made.clock, made.symbol))
    return found


def points(block: Block, can: Expressivity, words_: Words) -> list[Point]:
    """Return the points of what was timed and whose dimension is known."""
    wanted = asked(block.results)
    return [
        Point(
            r.label, r.time, dim, str(r.columns.get("operation")),
            words_.operation(r.columns.get("operation")), words(broken(r, wanted)),
        )
        for r in block.results
        if r.time and (dim := can.dim(r))
    ]  # fmt: skip


def draw(figure: Figure, looks: Mapping[str, Look]) -> Drawing:
    """Return the drawing: a row for each pass, a panel for each size; on the page each alone."""
    sizes = sorted({size for found in figure.passes.values() for size in found})[-PANELS:]
    rows = [name for name, found in figure.passes.items() if set(found) & set(sizes)]
    places = [[(name, size) for size in sizes] for name in rows]
    wide = COLUMN if len(sizes) == 1 else PANEL
    with styled():
        paper = saved(_canvas(figure, places, wide, looks))
        shown = [place for line in places for place in line if _points_of(figure, place)]
        return Drawing(*paper, tuple(svg_of(_canvas(figure, [[p]], SCREEN, looks)) for p in shown))


Place = tuple[str, float]
"""The pass and the size of a panel."""


def _points_of(figure: Figure, place: Place) -> Sequence[Point]:
    return figure.passes[place[0]].get(place[1], ())


def _canvas(
    figure: Figure, places: Sequence[Sequence[Place]], width: float, looks: Mapping[str, Look]
) -> Canvas:
    """Return panels in rows and columns; a column shares its vertical axis, all the times."""
    canvas = Canvas(figsize=(width, 0.5 + 2.1 * len(places)), layout="constrained")
    axes = canvas.subplots(len(places), len(places[0]), sharex=True, sharey="col", squeeze=False)
    shown: list[tuple[Axes, Sequence[Point]]] = []
    for (name, size), ax in zip(chain.from_iterable(places), axes.flat, strict=True):
        points = _points_of(figure, (name, size))
        if not points:
            ax.set_axis_off()
            continue
        ax.set_title(f"{figure.symbol} {number(size)}, {name}".strip(), fontsize=8)
        _panel(ax, points, looks)
        shown.append((ax, points))
    times = [
        p.time for found in figure.passes.values() for points in found.values() for p in points
    ]
    room = (max(times) / min(times)) ** 0.2 * 1.05
    shown[0][0].set_xlim(min(times) / room, max(times) * room)
    for column in axes.T:
        [ax for ax in column if ax.axison][-1].tick_params(labelbottom=True)
    canvas.supxlabel(figure.across, fontsize=8)
    canvas.supylabel("dimension of what it can express", fontsize=8)
    canvas.draw_without_rendering()
    canvas.set_layout_engine("none")
    for ax, points in shown:
        best = best_of_each(points)[:NAMED]
        place(ax, [_label(p, looks) for p in best], [(p.time, p.dim) for p in points])
    return canvas


def _label(p: Point, looks: Mapping[str, Look]) -> Label:
    name = p.title.removesuffix(" product")
    return Label(
        p.time,
        p.dim,
        f"{name}\n(breaks {p.breaks})" if p.breaks else name,
        GREY if p.breaks else looks[p.label].colour,
    )


def _panel(ax: Axes, points: Sequence[Point], looks: Mapping[str, Look]) -> None:
    ax.set_xscale("log")
    best = best_of_each(points)
    line = not_dominated(points)
    ax.plot(
        [p.time for p in line], [p.dim for p in line],
        color=INK, linewidth=0.8, alpha=0.5, drawstyle="steps-post", zorder=1.5,
    )  # fmt: skip
    for p in points:
        colour = looks[p.label].colour
        ax.plot(
            p.time, p.dim, linestyle="none", marker="o",
            zorder=1.8 if p.breaks else 3 if p in best else 2,
            markersize=6.5 if p in best else 3.5, alpha=1.0 if p in best else 0.45,
            markerfacecolor="none" if p.breaks else colour,
            markeredgecolor=colour if p.breaks else PAPER,
            markeredgewidth=1.2 if p.breaks else 0.7,
        )  # fmt: skip
    top = max(p.dim for p in points)
    ax.set_ylim(0, max(ax.get_ylim()[1], 1.3 * top))
    ax.grid(True, which="major")
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=7)
    ax.xaxis.set_major_locator(LogLocator(numticks=4))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: tick(float(x), "s")))
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: number(float(y))))
