"""Figures of errors on orbits."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.nero import Nero, nero
from impls.groups import circle, inversion, orthogonal, rotations, shifts, symmetric
from impls.spaces import Space
from reports.data.results import Measure, Result
from reports.figures.orbits import draw, orbits

VECTOR = Space((5, 3), lambda g, a: a @ np.asarray(g).T)
X = {"x": np.random.default_rng(0).standard_normal((5, 3))}
MATRICES = {
    "curve": (circle(), ["angle [degrees]", "SO(2)"]),
    "bars": (inversion(), ["identity", "inversion"]),
    "three discs": (rotations(), ["rotations", "SO(3)"]),
    "six discs": (orthogonal(), ["rotations", "with inversion"]),
}


def of(group):
    return nero(lambda a: {"z": a["x"] + 1.0}, group, {"x": VECTOR}, {"z": VECTOR}, X, 16)


@pytest.mark.parametrize("kind", MATRICES)
def test_drawings_of_groups_of_space(kind):
    group, words = MATRICES[kind]
    svg, pdf, panels = draw(of(group))
    assert pdf.startswith(b"%PDF")
    for word in (*words, "relative error", "against the consensus"):
        assert word in svg
    assert "<image" not in svg  # the page's policy would not show it
    assert svg.count(">with inversion<") == (3 if kind == "six discs" else 0)
    assert draw(of(group)) == (svg, pdf, panels) and panels


@pytest.mark.parametrize(
    ("group", "space", "names"),
    [
        (
            shifts(3, 4),
            Space((3, 4), lambda g, a: np.roll(a, g, axis=(0, 1))),
            ("shift_0", "shift_1"),
        ),
        (symmetric(4), Space((4,), lambda g, a: a[g]), (">i<", ">j<")),
    ],
)
def test_maps(group, space, names):
    x = {"x": space.sample(np.random.default_rng(1))}
    found = nero(
        lambda a: {"z": np.abs(a["x"])},
        group,
        {"x": space},
        {"z": Space(space.shape)},
        x,
        12,
        truth=lambda a: {"z": a["x"]},
    )
    svg, *_ = draw(found)
    assert all(name in svg for name in names) and "against the truth" in svg


def test_unknown_coordinates_are_refused():
    three = {name: np.arange(3.0) for name in "abc"}
    with pytest.raises(ValueError, match="no drawing for the coordinates a, b, c"):
        draw(Nero("G", "truth", three, np.ones(3)))


def result(measures):
    columns = {"family": "product", "case": "product/x::op.mine", "dtype": "float32"}
    return Result(columns, "op.mine", "ok", "not timed", {}, measures, {})


def measure(coordinates, errors):
    detail = {"subgroup": "axis", "group": "SO(2)", "reference": "truth"}
    detail |= {"coordinates": coordinates, "errors": errors}
    return Measure("1", None, None, None, len(errors), "ok", "", detail)


def test_orbits_of_a_run_are_drawn_where_they_can_be():
    turn = {"angle": [0.0, 1.0, 2.0]}
    found = list(
        orbits(
            [
                result({"nero.axis.truth": measure(turn, [0.1, 0.3, None])}),
                result({"nero.none.truth": measure(turn, [None, None, None])}),
                result({"nero.odd.truth": measure({"a": [0.0], "b": [0.0], "c": [0.0]}, [1.0])}),
                result({"error.fwd": Measure("1", 1e-7, None, None, 1, "ok", "", {})}),
            ]
        )
    )
    (shown,) = found
    assert shown.title == "op.mine, product: one problem, float32: axis, against the truth"
    assert shown.alt.endswith("Largest error of 3 elements: 0.3.")
    svg, *_ = draw(shown.found)
    assert "SO(2), against the truth" in svg
