r"""Figures as pgfplots: axes and coordinates that LaTeX sets in the fonts of the paper.

Matplotlib's own `pgf` backend asks a TeX installation for the size of each text, so it cannot make
the same bytes on every machine; this needs none. A file is read with \input where the preamble has
\usepackage{pgfplots} \pgfplotsset{compat=1.18} \usepgfplotslibrary{groupplots}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reports.data.latex import escaped
from reports.data.text import number
from reports.figures import curves, front
from reports.figures.plot import named
from reports.figures.style import COLUMN, DASHES, PANEL, Look

MARKS = {
    "o": "*", "s": "square*", "D": "diamond*", "^": "triangle*", "v": "triangle*",
    "<": "triangle*", ">": "triangle*", "P": "+", "X": "x",
}  # fmt: skip
TURNED = {"v": 180, "<": 90, ">": -90}
OPEN = {"*": "o", "square*": "square", "diamond*": "diamond", "triangle*": "triangle"}
DASHED: Mapping[tuple[float, tuple[float, ...]], str] = {
    DASHES["torch"]: "solid",
    DASHES["jax"]: "dashed",
    DASHES["numpy"]: "dotted",
}
PREAMBLE = r"""% \usepackage{pgfplots} \pgfplotsset{compat=1.18} \usepgfplotslibrary{groupplots}
"""


def chart(figure: curves.Figure, looks: Mapping[str, Look], width: float | None = None) -> str:
    """Return a line chart: the curves that its panels label, with their intervals.

    It is as wide as one column of a paper, or two, or `width` [inches].
    """
    panels = []
    for panel in figure.panels:
        lines = [f"\\nextgroupplot[title={{{escaped(panel.title)}}}]"]
        for curve in named(panel.curves):
            look = looks[curve.label]
            options = f"color={_colour(look)}, {DASHED.get(look.dash, 'dashdotted')}, {_mark(look)}"
            lines.append(
                f"\\addplot[{options}, error bars/.cd, y dir=both, y explicit] coordinates "
                f"{{{' '.join(map(_point, curve.points))}}} "
                f"node[right, font=\\tiny, color={_colour(look)}] {{{escaped(curve.title)}}};"
            )
        panels.append("\n".join(lines))
    axis = ["ymode=log"] if figure.log else []
    up = f"{figure.up or figure.ylabel} [{figure.unit}]"
    used = [looks[c.label] for p in figure.panels for c in p.curves]
    return _whole(panels, figure.across or figure.xlabel, up, axis, used, width)


def scatter(figure: front.Figure, looks: Mapping[str, Look]) -> str:
    """Return what can be expressed against time: a panel for each pass and size."""
    panels, used = [], []
    for name, sizes in figure.passes.items():
        for size, points in sorted(sizes.items())[-front.PANELS :]:
            title = f"{figure.symbol} {number(size)}, {name}".strip()
            lines = [f"\\nextgroupplot[title={{{escaped(title)}}}]"]
            best = front.best_of_each(points)
            for p in points:
                look = looks[p.label]
                used.append(look)
                mark = "o" if p.breaks else "*"
                shown = p in best
                text = f" node[above, font=\\tiny] {{{escaped(p.title)}}}" if shown else ""
                lines.append(
                    f"\\addplot[only marks, color={_colour(look)}, mark={mark}, "
                    f"mark size={2 if shown else 1}pt] coordinates {{({p.time:.6g},{p.dim:g})}}"
                    f"{text};"
                )
            panels.append("\n".join(lines))
    return _whole(panels, "time [s]", "dimension", ["xmode=log", "ymin=0"], used)


def _whole(
    panels: Sequence[str],
    across: str,
    up: str,
    axis: Sequence[str],
    used: Sequence[Look],
    wide: float | None = None,
) -> str:
    columns = min(len(panels), front.PANELS)
    rows = -(-len(panels) // columns)
    width = (wide or (COLUMN if columns == 1 else PANEL)) / columns
    colours = sorted({look.colour for look in used})
    defined = "\n".join(
        f"\\definecolor{{{_name(colour)}}}{{HTML}}{{{colour[1:].upper()}}}" for colour in colours
    )
    options = [
        f"group style={{group size={columns} by {rows}, horizontal sep=3em, vertical sep=4em, "
        "ylabels at=edge left}", "clip=false",
        f"width={width:.3g}in", "height=2.2in", f"xlabel={{{escaped(across)}}}",
        f"ylabel={{{escaped(up)}}}", "label style={font=\\footnotesize}",
        "tick label style={font=\\footnotesize}", "title style={font=\\footnotesize}", *axis,
    ]  # fmt: skip
    body = "\n".join(panels)
    return (
        f"{PREAMBLE}\\begin{{tikzpicture}}\n{defined}\n"
        f"\\begin{{groupplot}}[{', '.join(options)}]\n{body}\n"
        "\\end{groupplot}\n\\end{tikzpicture}\n"
    )


def _name(colour: str) -> str:
    return f"c{colour[1:].lower()}"


def _colour(look: Look) -> str:
    return _name(look.colour)


def _mark(look: Look) -> str:
    mark = MARKS.get(look.marker, "*")
    shown = mark if look.filled else OPEN.get(mark, mark)
    turned = TURNED.get(look.marker)
    return f"mark={shown}" + (f", mark options={{rotate={turned}}}" if turned else "")


def _point(point: curves.Point) -> str:
    x, y, lo, hi = point
    if lo is None or hi is None:
        return f"({x:g},{y:.6g})"
    return f"({x:g},{y:.6g}) += (0,{hi - y:.3g}) -= (0,{y - lo:.3g})"
