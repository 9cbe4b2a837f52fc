"""Drawing errors on orbits: a curve, bars, a map or discs, whichever the coordinates allow."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from analysis.nero import Nero
from reports.plot import saved, styled
from reports.style import PALETTE

Values = Mapping[str, np.ndarray]

DISCS = (("x", "y"), ("y", "z"), ("z", "x"))
LABEL = "relative error"


def draw(found: Nero) -> tuple[str, bytes]:
    """Return (SVG text, PDF bytes), the same bytes every time.

    An angle gives a curve, det alone bars, two coordinates a map, and rotations three discs: each
    is the rotation vector, axis times angle / pi, seen along one axis of space; improper elements
    have a second row.

    Raises:
        ValueError: for coordinates of no known kind.
    """
    names = set(found.coordinates)
    with styled():
        if {"axis_x", "axis_y", "axis_z", "angle"} <= names:
            canvas = _discs(found)
        else:
            canvas = Canvas(figsize=(4.8, 3.6), layout="constrained")
            ax = canvas.subplots()
            if names == {"angle"}:
                _curve(ax, found)
            elif names == {"det"}:
                _bars(ax, found)
            elif len(names) == 2:
                _map(canvas, ax, found)
            else:
                raise ValueError(f"no drawing for the coordinates {', '.join(sorted(names))}")
        canvas.suptitle(f"{found.group}, against the {found.reference}")
        return saved(canvas)


def _curve(ax: Axes, found: Nero) -> None:
    ax.plot(np.degrees(found.coordinates["angle"]), found.errors, "o-", color=PALETTE[0][0])
    ax.set_xlabel("angle [degrees]")
    ax.set_ylabel(LABEL)
    ax.set_ylim(bottom=0)


def _bars(ax: Axes, found: Nero) -> None:
    names = ["identity" if det > 0 else "inversion" for det in found.coordinates["det"]]
    ax.bar(names, found.errors, color=PALETTE[0][0])
    ax.set_ylabel(LABEL)


def _map(canvas: Canvas, ax: Axes, found: Nero) -> None:
    (first, across), (second, up) = found.coordinates.items()
    shown = ax.scatter(across, up, c=found.errors, marker="s", cmap="viridis", vmin=0)
    ax.set_xlabel(first)
    ax.set_ylabel(second)
    canvas.colorbar(shown, label=LABEL)


def _discs(found: Nero) -> Canvas:
    values = found.coordinates
    det = values.get("det", np.ones(len(found.errors)))
    rows = sorted(set(det.tolist()), reverse=True)
    canvas = Canvas(figsize=(8.4, 2.9 * len(rows)), layout="constrained")
    every = canvas.subplots(len(rows), 3, squeeze=False)
    top = float(np.max(found.errors)) or 1.0
    for sign, line in zip(rows, every, strict=True):
        mine = det == sign
        for (first, second), ax in zip(DISCS, line, strict=True):
            shown = ax.scatter(
                *_disc({name: column[mine] for name, column in values.items()}, first, second),
                c=found.errors[mine],
                cmap="viridis",
                vmin=0,
                vmax=top,
                s=18,
            )
            turn = np.linspace(0, 2 * np.pi, 100)
            ax.plot(np.cos(turn), np.sin(turn), color="0.7", linewidth=0.7)
            ax.set_aspect("equal")
            ax.set_xlabel(first)
            ax.set_ylabel(second)
            ax.set_title("rotations" if sign > 0 else "with inversion")
    canvas.colorbar(shown, ax=list(every.flat), label=LABEL)
    return canvas


def _disc(values: Values, first: str, second: str) -> tuple[np.ndarray, np.ndarray]:
    length = values["angle"] / np.pi
    return length * values[f"axis_{first}"], length * values[f"axis_{second}"]
