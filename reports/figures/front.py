"""What can be expressed against what it takes: every implementation, and who is not dominated."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from analysis.pareto import front
from reports.data.blocks import title_of
from reports.data.clocks import HOST, Clock
from reports.data.expressivity import Expressivity
from reports.data.results import TARGET, Result
from reports.data.text import listing, number, quantity, slug
from reports.figures.plot import INK, columns, legend, saved, style, styled, tick
from reports.figures.style import Look


class Point(NamedTuple):
    """One implementation: its time [s] and the dimension of what its operation can express."""

    label: str
    time: float
    dim: float


@dataclass(frozen=True)
class Figure:
    """One problem at all its sizes: the points of each pass and size."""

    name: str
    title: str
    size: str
    passes: Mapping[str, Mapping[float, Sequence[Point]]]
    clock: Clock = HOST

    @property
    def alt(self) -> str:
        """Return who is not dominated, in words."""
        said = []
        for name, sizes in self.passes.items():
            largest = max(sizes)
            members = [
                f"{p.label} ({quantity(p.time, 's')}, dim {number(p.dim)})"
                for p in not_dominated(sizes[largest])
            ]
            said.append(f"{name} at {self.size} {number(largest)}: {listing(members)}")
        return f"{self.title}. Not dominated, by growing time: {'; '.join(said)}."


def not_dominated(points: Sequence[Point]) -> list[Point]:
    """Return the points to which no other is preferable, by growing time."""
    return [points[i] for i in front([(p.time, p.dim) for p in points])]


def figures(results: Sequence[Result], expressivity: Expressivity) -> list[Figure]:
    """Return a figure for each problem less its main size, if dimensions differ at some size."""
    found: dict[Any, dict[str, dict[float, list[Point]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for r in results:
        time, dim = r.time, expressivity.dim(r)
        if time and dim and r.sizes:
            main, size = next(iter(r.sizes.items()))
            where = tuple(str(r.columns.get(n)) for n in (*TARGET, "machine", "environment"))
            key = title_of(r, leave_out=[main]), main, where, r.clock
            found[key][str(r.columns.get("pass"))][size].append(Point(r.label, time, dim))
    kept: list[Figure] = []
    for (title, main, where, clock), passes in found.items():
        if any(len({p.dim for p in ps}) > 1 for sizes in passes.values() for ps in sizes.values()):
            name = f"front-{len(kept):02d}-{slug(title)[:60]}"
            by = "" if clock.plain else f", {clock.label}"
            kept.append(Figure(name, f"{title}, {', '.join(where[:2])}{by}", main, passes, clock))
    return kept


def draw(figure: Figure, looks: Mapping[str, Look]) -> tuple[str, bytes]:
    """Return (SVG text, PDF bytes): time across, dimension up, a line through each front."""
    with styled():
        labels = sorted(
            {p.label for sizes in figure.passes.values() for ps in sizes.values() for p in ps}
        )
        width = 6.4 if len(figure.passes) == 1 else 3.9 * len(figure.passes) + 0.6
        ncols = columns(labels, width)
        height = 3.9 + 0.17 * math.ceil(len(labels) / ncols)
        canvas = Canvas(figsize=(width, height), layout="constrained")
        axes = canvas.subplots(1, len(figure.passes), sharey=True, squeeze=False)[0]
        for ax, (name, sizes) in zip(axes, figure.passes.items(), strict=True):
            ax.set_title(name)
            _panel(ax, figure, sizes, looks)
        axes[0].set_ylabel("dimension of what it can express")
        legend(canvas, labels, looks, ncols, line=False)
        return saved(canvas)


def _panel(
    ax: Axes, figure: Figure, sizes: Mapping[float, Sequence[Point]], looks: Mapping[str, Look]
) -> None:
    ax.set_xscale("log")
    ax.set_yscale("log")
    for size, points in sorted(sizes.items()):
        best = not_dominated(points)
        ax.plot(
            [p.time for p in best], [p.dim for p in best],
            color=INK, linewidth=0.8, alpha=0.6, drawstyle="steps-post", zorder=1.5,
        )  # fmt: skip
        for p in points:
            ax.plot(p.time, p.dim, **style(looks[p.label]) | {"linestyle": "none"})
        ax.annotate(
            f"{figure.size} {number(size)}", (best[-1].time, best[-1].dim), xytext=(0, 7),
            textcoords="offset points", ha="center", fontsize=7,
        )  # fmt: skip
    ax.margins(x=0.08, y=0.12)
    ax.set_xlabel(f"{figure.clock.name} of one call")
    ax.grid(True, which="major")
    ax.set_axisbelow(True)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: tick(float(x), "s")))
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: number(float(y))))
