"""Drawing: a figure as SVG (for the page and beside it) and as PDF, the same bytes every time."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from math import inf
from textwrap import wrap
from typing import Any, NamedTuple, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

from reports.data.text import number, quantity
from reports.figures.curves import NAMED, Curve, Figure, Panel
from reports.figures.style import COLUMN, PANEL, SCREEN, Look

WRAP = 25
"""Letters of a line of a label."""
SMALL = 7
"""Size of labels [points]."""
HEIGHT, LEFT, BESIDE, BELOW, ABOVE = 2.6, 0.65, 1.45, 0.45, 0.25
"""Inches of a figure: its height, and the room about and between panels."""
NARROWEST = BESIDE + 0.6
"""Inches of a panel, at least: names beside the curves, and room for these."""
INK, RULE, PAPER = "#1c2024", "#d9dce0", "#ffffff"
SETTINGS: dict[str, Any] = {
    "text.parse_math": False,
    "text.usetex": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "equibench",
    "pdf.fonttype": 42,
    "font.family": ["DejaVu Sans"],
    "font.size": 8,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 8,
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
    "lines.linewidth": 1.2,
    "lines.markersize": 5,
}


class Drawing(NamedTuple):
    """A figure as SVG text and PDF bytes for a paper, and its panels as SVG for the page.

    A panel is no wider than SCREEN, so that the page sets them side by side where there is room.
    """

    svg: str
    pdf: bytes
    panels: tuple[str, ...]


def draw(figure: Figure, looks: Mapping[str, Look], width: float | None = None) -> Drawing:
    """Return the drawing, a column of a paper wide, or two where there are more panels.

    `width` [inches] is another one; NARROWEST is the least a panel can do with. NAMED curves of a
    panel are labelled at their ends, the others are faint. All panels have the same value axis,
    which intervals do not set. Text stays text; nothing in it is read as mathematics.

    Raises:
        ValueError: for a width that the panels do not fit in.
    """
    least = LEFT + NARROWEST * len(figure.panels)
    if width is not None and width < least:
        raise ValueError(
            f"a figure of {len(figure.panels)} panel(s) needs {least:.2f} inches, not {width:.2f}: "
            "make it wider, or ask for one pass"
        )
    with styled():
        if width is None:
            width = COLUMN if len(figure.panels) == 1 else PANEL
        paper = saved(_canvas(figure, figure.panels, width, looks))
        single = (_canvas(figure, [panel], SCREEN, looks) for panel in figure.panels)
        return Drawing(*paper, tuple(map(svg_of, single)))


def _canvas(
    figure: Figure, panels: Sequence[Panel], width: float, looks: Mapping[str, Look]
) -> Canvas:
    """Return some panels of a figure side by side; the first has the value axis."""
    labels = sorted({c.label for p in figure.panels for c in p.curves})
    values = [p[1] for panel in figure.panels for c in panel.curves for p in c.points]
    each = (width - LEFT) / len(panels)
    canvas = Canvas(figsize=(width, HEIGHT))
    shared: Axes | None = None
    for i, panel in enumerate(panels):
        box = LEFT + i * each, BELOW, each - BESIDE, HEIGHT - BELOW - ABOVE
        scale = width, HEIGHT, width, HEIGHT
        at = [side / whole for side, whole in zip(box, scale, strict=True)]
        ax = canvas.add_axes((at[0], at[1], at[2], at[3]), sharey=shared)
        shared = shared or ax
        _axes(ax, figure)
        ax.set_title(panel.title)
        _panel(ax, panel, looks, labels)
    assert shared is not None
    shared.set_ylim(_limits(values, figure.log))
    _value_axis(shared, figure)
    shared.set_ylabel(figure.up or figure.ylabel)
    for ax, panel in zip(canvas.axes, panels, strict=True):
        ax.tick_params(labelleft=ax is shared)
        _ends(ax, named(panel.curves), looks)
    return canvas


def named(curves: Sequence[Curve]) -> list[Curve]:
    """Return the NAMED curves of a panel that it labels: the lowest of each operation first."""
    ranked = sorted(
        curves, key=lambda c: (-c.points[-1][0], bool(c.breaks), c.points[-1][1], c.label)
    )
    first: dict[str, Curve] = {}
    for curve in ranked:
        first.setdefault(curve.operation, curve)
    rest = [curve for curve in ranked if first[curve.operation] is not curve]
    return [*first.values(), *rest][:NAMED]


def _panel(ax: Axes, panel: Panel, looks: Mapping[str, Look], labels: Sequence[str]) -> None:
    positions = sorted({p[0] for c in panel.curves for p in c.points})
    shifts = _shifts(labels, positions)
    shown = named(panel.curves)
    for curve in panel.curves:
        _curve(ax, curve, looks[curve.label], shifts[curve.label], curve in shown)
    ax.xaxis.set_major_locator(FixedLocator(positions))
    ax.xaxis.set_minor_locator(FixedLocator([]))


def _limits(values: Sequence[float], log: bool) -> tuple[float, float]:
    """Return the ends of the value axis: those of the values, and a little more."""
    low, high = min(values), max(values)
    if log:
        room = (high / low) ** 0.06 * 1.05
        return low / room, high * room
    return min(0.0, low), 1.06 * high if high > 0 else 1.0


def _ends(ax: Axes, curves: Sequence[Curve], looks: Mapping[str, Look]) -> None:
    """Write the names of curves beside their ends, under each other where they would meet."""
    ends = [
        (float(ax.transData.transform(curve.points[-1][:2])[1]), _short(curve.title), curve)
        for curve in curves
    ]
    ends.sort(key=lambda end: -end[0])
    line = 1.2 * SMALL * ax.figure.get_dpi() / 72
    frame = ax.get_window_extent()
    tops: list[float] = []
    low = inf
    for y, text, _ in ends:
        height = line * (text.count("\n") + 1)
        tops.append(min(y + height / 2, low))
        low = tops[-1] - height
    lift = max(0.0, frame.y0 - low)
    for top, (_, text, curve) in zip(tops, ends, strict=True):
        look = looks[curve.label]
        up = (top + lift - frame.y0) / frame.height
        ax.plot(
            1.05, up - line / 2 / frame.height, transform=ax.transAxes, clip_on=False,
            **style(look) | {"linestyle": "none", "markersize": 4},
        )  # fmt: skip
        ax.annotate(
            text, (1.05, up), xycoords="axes fraction", xytext=(5, 0), textcoords="offset points",
            ha="left", va="top", fontsize=SMALL, linespacing=1.05, color=look.colour,
            annotation_clip=False,
        )  # fmt: skip


def _short(title: str) -> str:
    """Return a title in two lines at most."""
    lines = wrap(title.replace(" product, ", ", ").replace(" convolution, ", ", "), WRAP)
    return "\n".join([*lines[:1], lines[1] + ("…" if lines[2:] else "")] if lines[1:] else lines)


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
    svg, pdf = svg_of(canvas), io.BytesIO()
    canvas.set_layout_engine("none")
    nothing = dict.fromkeys(("Creator", "Producer", "CreationDate"))
    canvas.savefig(pdf, format="pdf", metadata=nothing)
    return svg, pdf.getvalue()


def svg_of(canvas: Canvas) -> str:
    """Return a drawing as SVG text, without dates."""
    svg = io.StringIO()
    canvas.savefig(svg, format="svg", metadata=dict.fromkeys(("Creator", "Date")))
    return svg.getvalue()


def _axes(ax: Axes, figure: Figure) -> None:
    if figure.log:
        ax.set_yscale("log")
    ax.set_xlabel(figure.across or figure.xlabel)
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


def _curve(ax: Axes, curve: Curve, look: Look, shift: float, shown: bool) -> None:
    xs, ys = [p[0] + shift for p in curve.points], [p[1] for p in curve.points]
    if not shown:
        ax.plot(xs, ys, color=look.colour, linewidth=0.6, alpha=0.35, zorder=1.5)
        return
    ax.plot(xs, ys, **style(look))
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
