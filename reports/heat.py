"""What couples with what: the reduced coefficients of each operation, as a matrix of marks."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from analysis import catalogue
from analysis.coupling import HeatMap, heat_map, sizes
from impls.registry import Registry
from reports.plot import INK, RULE, saved, styled
from reports.style import PALETTE

DEGREE = 2
COLUMNS = 5
AREA = 90.0
"""Area of the mark of the largest coefficient [points squared]."""


def maps(registry: Registry) -> dict[str, HeatMap]:
    """Return the matrix of each operation that couples two inputs, by name."""
    found = {}
    for name, operation in sorted(registry.operations.items()):
        derived = catalogue.derived(operation, registry.family(operation.family), DEGREE)
        if derived is not None:
            coefficients, labels = derived
            found[name] = heat_map(sizes(coefficients, *labels))
    return found


def draw(found: Mapping[str, HeatMap]) -> tuple[str, bytes]:
    """Return (SVG text, PDF bytes) of all matrices side by side."""
    rows = math.ceil(len(found) / COLUMNS)
    with styled():
        canvas = Canvas(figsize=(2.0 * COLUMNS, 2.4 * rows), layout="constrained")
        axes = canvas.subplots(rows, COLUMNS, squeeze=False).ravel()
        for ax, (name, matrix) in zip(axes, found.items(), strict=False):
            _panel(ax, name, matrix)
        for ax in axes[len(found) :]:
            ax.set_axis_off()
        return saved(canvas)


def _panel(ax: Axes, name: str, matrix: HeatMap) -> None:
    colour, other = PALETTE[0][0], PALETTE[1][0]
    largest = float(np.nanmax(np.abs(matrix.values))) or 1.0
    for i, (first, second) in enumerate(matrix.rows):
        for j, third in enumerate(matrix.columns):
            value = matrix.values[i, j]
            if np.isnan(value):
                continue
            size = AREA * abs(value) / largest
            if size < 1e-6:
                ax.plot(j, i, ".", color=INK, markersize=2)
            elif (first.l + second.l + third.l) % 2 == 0:
                ax.scatter(j, i, size, marker="s", color=colour, linewidths=0)
            else:
                ax.scatter(j, i, size, marker="s", facecolors="none", edgecolors=other)
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
