"""Drawing: a figure as SVG (for the page and beside it) and as PDF, the same bytes every time."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

from reports.data.text import number, quantity
from reports.figures.curves import Curve, Figure
from reports.figures.style import Look

INK, RULE, PAPER = "#1c2024", "#d9dce0", "#ffffff"
SETTINGS: dict[str, Any] = {
    "text.parse_math": False,
    "text.usetex": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "equibench",
    "pdf.fonttype": 42,
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.5,
    "lines.markersize": 7.5,
}


def draw(figure: Figure, looks: Mapping[str, Look]) -> tuple[str, bytes]:
    """Return (SVG text, PDF bytes). Text stays text; nothing in it is read as mathematics."""
    with styled():
        labels = sorted({c.label for p in figure.panels for c in p.curves})
        width = 6.4 if len(figure.panels) == 1 else 3.9 * len(figure.panels) + 0.6
        ncols = columns(labels, width)
        height = 3.9 + 0.17 * math.ceil(len(labels) / ncols)
        canvas = Canvas(figsize=(width, height), layout="constrained")
        axes = canvas.subplots(1, len(figure.panels), sharey=True, squeeze=False)[0]
        for ax, panel in zip(axes, figure.panels, strict=True):
            _axes(ax, figure)
            ax.set_title(panel.title)
            positions = sorted({p[0] for c in panel.curves for p in c.points})
            shifts = _shifts(labels, positions)
            for curve in panel.curves:
                _curve(ax, curve, looks[curve.label], shifts[curve.label])
            ax.xaxis.set_major_locator(FixedLocator(positions))
            ax.xaxis.set_minor_locator(FixedLocator([]))
        _value_axis(axes[0], figure)
        axes[0].set_ylabel(figure.ylabel)
        legend(canvas, labels, looks, ncols)
        return saved(canvas)


def columns(labels: Sequence[str], width: float) -> int:
    """Return how many columns of a legend fit a width [inches]."""
    longest = 0.075 * max(map(len, labels)) + 0.7
    return max(1, min(len(labels), int(width / longest)))


def legend(
    canvas: Canvas, labels: Sequence[str], looks: Mapping[str, Look], ncols: int, line: bool = True
) -> None:
    """Set the legend of some implementations under the axes, with or without their lines."""
    canvas.legend(
        handles=[_handle(looks[label], line) for label in labels],
        labels=[_legend_text(label) for label in labels],
        loc="outside lower center",
        ncols=ncols,
        frameon=False,
        fontsize=8,
        handlelength=3.6 if line else 1.5,
        borderaxespad=0.2,
    )


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the style of the page, whatever the user's own settings are."""
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        mpl.rcdefaults()
        cast(Any, mpl.rcParams).update(SETTINGS)
        yield


def saved(canvas: Canvas) -> tuple[str, bytes]:
    """Return a drawing as SVG text and PDF bytes, without dates.

    It is laid out once, for both.
    """
    svg, pdf = io.StringIO(), io.BytesIO()
    nothing = dict.fromkeys(("Creator", "Date"))
    canvas.savefig(svg, format="svg", metadata=nothing)
    canvas.set_layout_engine("none")
    nothing = dict.fromkeys(("Creator", "Producer", "CreationDate"))
    canvas.savefig(pdf, format="pdf", metadata=nothing)
    return svg.getvalue(), pdf.getvalue()


def _axes(ax: Axes, figure: Figure) -> None:
    if figure.log:
        ax.set_yscale("log")
    ax.set_xlabel(figure.xlabel)
    ax.grid(True, axis="y", which="major")
    ax.set_axisbelow(True)
    ax.margins(x=0.06, y=0.08)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: number(float(x))))


def _value_axis(ax: Axes, figure: Figure) -> None:
    formatter = FuncFormatter(lambda y, _: tick(float(y), figure.unit))
    ax.yaxis.set_major_formatter(formatter)
    if not figure.log:
        return
    lo, hi = ax.get_ylim()
    narrow = hi / lo < 1000
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if narrow else (1.0,)))
    ax.yaxis.set_minor_formatter(NullFormatter())


def tick(y: float, unit: str) -> str:
    """Return the label of a place on an axis: a round number with its prefix."""
    text = quantity(y, unit)
    value, _, name = text.partition(" ")
    return f"{float(value.replace(chr(0x202F), '')):g} {name}".strip() if value else text


def _shifts(labels: Sequence[str], positions: Sequence[float]) -> dict[str, float]:
    """Return by how much each curve is set aside, so that equal points stay visible."""
    gaps = [b - a for a, b in pairwise(positions)]
    room = 0.3 * min(gaps) if gaps else 0.3
    step = room / max(1, len(labels) - 1)
    return {label: (i - (len(labels) - 1) / 2) * step for i, label in enumerate(labels)}


def _curve(ax: Axes, curve: Curve, look: Look, shift: float) -> None:
    xs, ys = [p[0] + shift for p in curve.points], [p[1] for p in curve.points]
    ax.plot(xs, ys, label="", **style(look))
    bars = [(x + shift, lo, hi) for x, _, lo, hi in curve.points if None not in (lo, hi)]
    if bars:
        at, los, his = zip(*bars, strict=True)
        ax.vlines(at, los, his, colors=look.colour, linewidth=1.0, zorder=1.9)


def style(look: Look) -> dict[str, Any]:
    """Return how matplotlib draws the line and the marker of an implementation."""
    return {
        "color": look.colour,
        "linestyle": look.dash,
        "marker": look.marker,
        "markerfacecolor": look.colour if look.filled else PAPER,
        "markeredgecolor": PAPER if look.filled else look.colour,
        "markeredgewidth": 0.7 if look.filled else 1.2,
    }


def _handle(look: Look, line: bool) -> Line2D:
    return Line2D([], [], **style(look) | ({} if line else {"linestyle": "none"}))


def _legend_text(label: str) -> str:
    """Return a label that the legend shows: it would leave out one that starts with `_`."""
    return f"\N{WORD JOINER}{label}" if label.startswith("_") else label
