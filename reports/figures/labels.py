"""Labels beside the points that they name, where they cover nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

PLACES = (
    (0, 7, "center", "bottom"),
    (7, 0, "left", "center"),
    (0, -7, "center", "top"),
    (-7, 0, "right", "center"),
    (5, 6, "left", "bottom"),
    (5, -6, "left", "top"),
    (-5, 6, "right", "bottom"),
    (-5, -6, "right", "top"),
    (0, 16, "center", "bottom"),
    (0, -16, "center", "top"),
)
"""Where a label may stand, by preference: (right, up) in points, and how it is aligned."""


class Label(NamedTuple):
    """A text for the point (x, y) of an axes."""

    x: float
    y: float
    text: str
    colour: str


def place(ax: Axes, labels: Sequence[Label], dots: Sequence[tuple[float, float]]) -> None:
    """Write labels, each at the first place that covers no dot, no label, and no edge.

    Where there is no such place the one that covers least is taken. The layout of the figure has
    to be done, since places are measured on it.
    """
    frame = ax.get_window_extent()
    points = ax.transData.transform(np.asarray(dots, float).reshape(-1, 2))
    taken: list[Bbox] = []
    for label in labels:
        best: tuple[float, int, Bbox] | None = None
        for i, (right, up, across, along) in enumerate(PLACES):
            text = ax.annotate(
                label.text, (label.x, label.y), xytext=(right, up), textcoords="offset points",
                ha=across, va=along, fontsize=7, color=label.colour, annotation_clip=False,
            )  # fmt: skip
            box = text.get_window_extent()
            text.remove()
            cost = _covered(box, points, taken, frame)
            if best is None or cost < best[0]:
                best = cost, i, box
            if cost == 0:
                break
        assert best is not None
        right, up, across, along = PLACES[best[1]]
        ax.annotate(
            label.text, (label.x, label.y), xytext=(right, up), textcoords="offset points",
            ha=across, va=along, fontsize=7, color=label.colour, annotation_clip=False,
        )  # fmt: skip
        taken.append(best[2])


def _covered(box: Bbox, points: np.ndarray, taken: Sequence[Bbox], frame: Bbox) -> float:
    """Return how much a box covers: pixels of labels and beyond the frame, and dots in it."""
    inside = (
        (points[:, 0] > box.x0 - 2)
        & (points[:, 0] < box.x1 + 2)
        & (points[:, 1] > box.y0 - 2)
        & (points[:, 1] < box.y1 + 2)
    )
    shared = [Bbox.intersection(box, other) for other in taken]
    overlap = sum(part.width * part.height for part in shared if part is not None)
    within = Bbox.intersection(box, frame)
    beyond = box.width * box.height - (within.width * within.height if within else 0.0)
    return 60.0 * int(inside.sum()) + overlap + 3 * max(0.0, beyond - 1e-6)
