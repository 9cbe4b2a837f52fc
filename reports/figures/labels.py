"""Labels beside the points that they name, where they cover nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

SIZE = 7
"""Size of the text [points]."""
DIRECTIONS = ((0, 1), (1, 0), (0, -1), (-1, 0), (0.7, 0.8), (0.7, -0.8), (-0.7, 0.8), (-0.7, -0.8))
"""Where a label may stand, right and up of its point, by preference."""
DISTANCES = (7, 16, 26, 38, 52, 68)
"""How far away [points]; beyond NEAR a line leads to the point."""
NEAR = 8
GAP = 1.0
"""Room about a label [pixels]."""


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
        width, height = _extent(ax, label.text)
        at = ax.transData.transform((label.x, label.y))
        pixels = ax.figure.get_dpi() / 72
        best: tuple[float, tuple[float, float], Bbox] | None = None
        for offset in ((d * right, d * up) for d in DISTANCES for right, up in DIRECTIONS):
            box = _box(at + np.asarray(offset) * pixels, offset, width, height)
            cost = _covered(box, points, taken, frame)
            if best is None or cost < best[0]:
                best = cost, offset, box
            if cost == 0:
                break
        assert best is not None
        _, offset, box = best
        far = max(map(abs, offset)) > NEAR
        lead = {"arrowstyle": "-", "color": label.colour, "linewidth": 0.5, "shrinkB": 3}
        ax.annotate(
            label.text, (label.x, label.y), xytext=offset, textcoords="offset points",
            ha=("right", "center", "left")[_sign(offset[0]) + 1],
            va=("top", "center", "bottom")[_sign(offset[1]) + 1],
            fontsize=SIZE, color=label.colour, annotation_clip=False,
            arrowprops=lead | {"shrinkA": 0} if far else None,
        )  # fmt: skip
        taken.append(box.padded(GAP))


def _extent(ax: Axes, text: str) -> tuple[float, float]:
    """Return the width and height of a text [pixels]."""
    shown = ax.annotate(text, (0.5, 0.5), xycoords="axes fraction", fontsize=SIZE)
    box = shown.get_window_extent()
    shown.remove()
    return box.width, box.height


def _box(at: np.ndarray, offset: tuple[float, float], width: float, height: float) -> Bbox:
    """Return where a text is that is aligned to a place by the side on which it stands."""
    left = at[0] - width * (1 - _sign(offset[0])) / 2
    low = at[1] - height * (1 - _sign(offset[1])) / 2
    return Bbox.from_bounds(left, low, width, height)


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


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
