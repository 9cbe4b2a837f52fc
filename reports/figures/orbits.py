"""Drawing errors on orbits: a curve, bars, a map or discs, whichever the coordinates allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from analysis.nero import Nero
from reports.data.blocks import title_of
from reports.data.results import Measure, Result
from reports.data.text import scientific, slug
from reports.figures.plot import Drawing, saved, styled, svg_of
from reports.figures.style import PALETTE, SCREEN

Values = Mapping[str, np.ndarray]

DISCS = (("x", "y"), ("y", "z"), ("z", "x"))
LABEL = "relative error"
COLOURS = colormaps["viridis"].resampled(32)
"""Few enough levels for a colour bar of shapes: an image would not be shown on the page."""
BALL = {"axis_x", "axis_y", "axis_z", "angle"}


@dataclass(frozen=True)
class Shown:
    """The errors of one case on one orbit, with what the page says of them."""

    name: str
    title: str
    alt: str
    found: Nero


def orbits(results: Iterable[Result]) -> Iterator[Shown]:
    """Yield every orbit that was measured, has an error and can be drawn."""
    of_orbits = (
        (r, measure)
        for r in results
        for probe, measure in r.measures.items()
        if probe.startswith("nero.") and "errors" in measure.detail
    )
    for number, (r, measure) in enumerate(of_orbits):
        found = _read(measure)
        if not _drawable(set(found.coordinates)) or not np.any(np.isfinite(found.errors)):
            continue
        subgroup = str(measure.detail.get("subgroup"))
        where = f"{subgroup}, against the {found.reference}"
        title = f"{r.label}, {title_of(r)}, {r.columns.get('dtype')}: {where}"
        largest = scientific(float(np.nanmax(found.errors)))
        alt = f"{title}. Largest error of {len(found.errors)} elements: {largest}."
        name = f"nero-{number:03d}-{slug(f'{r.label} {subgroup} {found.reference}')}"
        yield Shown(name, title, alt, found)


def _read(measure: Measure) -> Nero:
    detail = measure.detail
    coordinates = {k: np.asarray(v, np.float64) for k, v in detail["coordinates"].items()}
    errors = np.asarray(detail["errors"], np.float64)
    return Nero(str(detail["group"]), detail["reference"], coordinates, errors)


def _drawable(names: set[str]) -> bool:
    return BALL <= names or names in ({"angle"}, {"det"}) or len(names) == 2


def draw(found: Nero) -> Drawing:
    """Return the drawing, the same every time; on the page each disc is alone.

    An angle gives a curve, det alone bars, two coordinates a map, and rotations three discs: each
    is the rotation vector, axis times angle / pi, seen along one axis of space; improper elements
    have a second row.

    Raises:
        ValueError: for coordinates of no known kind.
    """
    names = set(found.coordinates)
    with styled():
        if not _drawable(names):
            raise ValueError(f"no drawing for the coordinates {', '.join(sorted(names))}")
        title = f"{found.group}, against the {found.reference}"
        if names >= BALL:
            whole = _discs(found, _rows(found), DISCS)
            single = [_discs(found, [sign], [d]) for sign in _rows(found) for d in DISCS]
        else:
            whole, single = _plain(found, (4.8, 3.6)), [_plain(found, (SCREEN, 2.6))]
        whole.suptitle(title)
        return Drawing(*saved(whole), tuple(map(svg_of, single)))


def _plain(found: Nero, size: tuple[float, float]) -> Canvas:
    canvas = Canvas(figsize=size, layout="constrained")
    ax = canvas.subplots()
    names = set(found.coordinates)
    if names == {"angle"}:
        _curve(ax, found)
    elif names == {"det"}:
        _bars(ax, found)
    else:
        _map(canvas, ax, found)
    return canvas


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
    shown = ax.scatter(across, up, c=found.errors, marker="s", cmap=COLOURS, vmin=0)
    ax.set_xlabel(first)
    ax.set_ylabel(second)
    canvas.colorbar(shown, label=LABEL)


def _rows(found: Nero) -> list[float]:
    """Return the determinants that there are, the proper rotations first."""
    return sorted(set(_det(found).tolist()), reverse=True)


def _det(found: Nero) -> np.ndarray:
    return found.coordinates.get("det", np.ones(len(found.errors)))


def _discs(found: Nero, rows: Sequence[float], discs: Sequence[tuple[str, str]]) -> Canvas:
    values, det = found.coordinates, _det(found)
    width = 8.4 * len(discs) / len(DISCS) + 0.3 * (len(discs) == 1)
    canvas = Canvas(figsize=(width, 2.9 * len(rows)), layout="constrained")
    every = canvas.subplots(len(rows), len(discs), squeeze=False)
    top = float(np.nanmax(found.errors)) or 1.0
    for sign, line in zip(rows, every, strict=True):
        mine = det == sign
        for (first, second), ax in zip(discs, line, strict=True):
            shown = ax.scatter(
                *_disc({name: column[mine] for name, column in values.items()}, first, second),
                c=found.errors[mine],
                cmap=COLOURS,
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
