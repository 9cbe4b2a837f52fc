"""What couples with what: the reduced coefficients of each operation, as a matrix of marks."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from analysis import catalogue
from analysis.coupling import HeatMap, heat_map, sizes
from impls.registry import Registry
from impls.spaces import Array
from reports.figures.plot import INK, RULE, Drawing, saved, styled, svg_of
from reports.figures.style import PALETTE

DEGREE = 2
COLUMNS = 5
AREA = 90.0
"""Area of the mark of the largest coefficient [points squared]."""
LETTERS = 22
"""Letters of a line of a title that are no wider than a matrix."""
LEAST = 1e-6
"""Coefficients with smaller marks are dots."""


def maps(registry: Registry) -> dict[str, HeatMap]:
    """Return the matrix of each operation that couples two inputs, by name."""
    found = {}
    for name, operation in sorted(registry.operations.items()):
        derived = catalogue.derived(operation, registry.family(operation.family), DEGREE)
        if derived is not None:
            coefficients, labels = derived
            found[name] = heat_map(sizes(coefficients, *labels))
    return found


def draw(found: Mapping[str, HeatMap]) -> Drawing:
    """Return the drawing: all matrices side by side; on the page each alone."""
    with styled():
        single = tuple(svg_of(_canvas({name: matrix})) for name, matrix in found.items())
        return Drawing(*saved(_canvas(found)), single)


def _canvas(found: Mapping[str, HeatMap]) -> Canvas:
    columns = min(COLUMNS, len(found))
    rows = math.ceil(len(found) / columns)
    titles = [textwrap.fill(name, LETTERS) for name in found]
    room = 0.25 + 0.13 * max(title.count("\n") for title in titles)
    width, height = 2.0 * columns, (2.15 + room) * rows
    canvas = Canvas(figsize=(width, height))
    canvas.subplots_adjust(
        left=0.4 / width, right=1 - 0.1 / width, bottom=0.4 / height, top=1 - room / height,
        wspace=0.3, hspace=0.3 + 0.35 * room,
    )  # fmt: skip
    axes = canvas.subplots(rows, columns, squeeze=False).ravel()
    for ax, title, matrix in zip(axes, titles, found.values(), strict=False):
        _panel(ax, title, matrix)
    for ax in axes[len(found) :]:
        ax.set_axis_off()
    return canvas


def _panel(ax: Axes, name: str, matrix: HeatMap) -> None:
    colour, other = PALETTE[0][0], PALETTE[1][0]
    largest = float(np.nanmax(np.abs(matrix.values))) or 1.0
    areas = AREA * np.abs(matrix.values) / largest
    degrees = [[a.l + b.l + c.l for c in matrix.columns] for a, b in matrix.rows]
    odd = np.reshape(degrees, areas.shape) % 2 == 1
    marks: tuple[tuple[Array, dict[str, Any]], ...] = (
        (areas < LEAST, {"marker": ".", "s": 4, "color": INK, "linewidths": 0}),
        ((areas >= LEAST) & ~odd, {"marker": "s", "color": colour, "linewidths": 0}),
        ((areas >= LEAST) & odd, {"marker": "s", "facecolors": "none", "edgecolors": other}),
    )
    for which, look in marks:
        rows, places = np.nonzero(which)
        if len(rows):
            ax.scatter(places, rows, **{"s": areas[which]} | look)
    ax.set_title(name, fontsize=8)
    ax.set_xticks(range(len(matrix.columns)), [str(ir.l) for ir in matrix.columns], fontsize=7)
    pairs = [f"{first.l}, {second.l}" for first, second in matrix.rows]
    ax.set_yticks(range(len(pairs)), pairs, fontsize=6)
    ax.set_ylim(len(pairs) - 0.4, -0.6)
    ax.set_xlim(-0.6, len(matrix.columns) - 0.4)
    ax.set_xlabel("l₃", fontsize=7)
    ax.grid(True, color=RULE, linewidth=0.4)
    ax.set_axisbelow(True)


def alt(found: Mapping[str, HeatMap]) -> str:
    """Return the figure in words: how many triples each operation couples."""
    said = []
    for name, matrix in found.items():
        allowed = ~np.isnan(matrix.values)
        coupled = np.nan_to_num(np.abs(matrix.values)) > 1e-12
        said.append(f"{name} couples {int(coupled.sum())} of {int(allowed.sum())}")
    return f"Triples (l1, l2, l3) up to degree {DEGREE}: {'; '.join(said)}."
