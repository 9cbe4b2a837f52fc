"""Figures as pgfplots: well-formed LaTeX of the same points, compiled where there is a TeX."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from reports.figures import front, pgf
from reports.figures.curves import Curve, Figure, Panel
from reports.figures.style import Look

HOSTILE = r"\input{x} $x^2$ & 50 % _{u} #1 ~ <b>"
LOOK = Look(0, "v", False, (0, (5, 2)))
CURVE = Curve("a", "a", "jax", ((1.0, 2e-4, 1e-4, 4e-4), (2.0, 3e-4, None, None)), HOSTILE)
PANELS = (Panel(HOSTILE, (CURVE,)),)
NAMES = "degree L", "time of one call"
FIGURE = Figure("f", "t", "lmax", "time", "s", True, False, PANELS, *NAMES)
POINTS = (
    front.Point("a", 1e-4, 9.0, "gaunt", "Gaunt product"),
    front.Point("b", 2e-4, 14.0, "matrix", HOSTILE, "inversion"),
)
SCATTER = front.Figure("f", "t", "lmax", {"forward": {2.0: POINTS}}, symbol="L =")
MADE = {
    "chart": pgf.chart(FIGURE, {"a": LOOK}),
    "scatter": pgf.scatter(SCATTER, {"a": LOOK, "b": LOOK}),
}


def _has_pgfplots() -> bool:
    if shutil.which("pdflatex") is None or shutil.which("kpsewhich") is None:
        return False
    found = subprocess.run(["kpsewhich", "pgfplots.sty"], capture_output=True, text=True)
    return bool(found.stdout.strip())


def test_the_points_and_their_intervals_are_in_it() -> None:
    made = MADE["chart"]
    assert "(1,0.0002) += (0,0.0002) -= (0,0.0001)" in made and "(2,0.0003)" in made
    assert "dashed, mark=triangle, mark options={rotate=180}" in made and "ymode=log" in made
    made = MADE["scatter"]
    assert "(0.0001,9)" in made and "mark=*, mark size=2pt" in made and "mark=o" in made


@pytest.mark.parametrize("name", sorted(MADE))
def test_hostile_text_is_no_command_and_all_is_closed(name: str) -> None:
    made = MADE[name]
    assert (
        r"\input{x}" not in made and "$x^2$" not in made and r"\textbackslash{}input\{x\}" in made
    )
    plain = made.replace(r"\{", "").replace(r"\}", "")
    assert plain.count("{") == plain.count("}")
    assert all(made.count(f"\\begin{{{e}}}") == made.count(f"\\end{{{e}}}") == 1
               for e in ("tikzpicture", "groupplot"))  # fmt: skip
    assert "width=3.25in" in made


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(MADE))
@pytest.mark.skipif(not _has_pgfplots(), reason="no pdflatex with pgfplots on this machine")
def test_it_compiles(name: str, tmp_path: Path) -> None:
    head = r"\documentclass{article}\usepackage{textcomp}\usepackage{pgfplots}"
    head += r"\pgfplotsset{compat=1.16}\usepgfplotslibrary{groupplots}\begin{document}"
    (tmp_path / "f.tex").write_text(f"{head}\n{MADE[name]}\\end{{document}}\n", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "f.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:]
