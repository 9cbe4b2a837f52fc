"""Figures of expressivity against time, and the labels in them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text

from impls.registry import load
from reports.data.blocks import blocks_of
from reports.data.clocks import HOST
from reports.data.expressivity import Expressivity, collect
from reports.data.results import Measure, Result
from reports.data.series import Series, leading, series_of
from reports.data.words import Words
from reports.figures import plot
from reports.figures.curves import Curve, Figure, Panel
from reports.figures.front import (
    NAMED,
    Point,
    best_of_each,
    draw,
    figure_of,
    figures,
    not_dominated,
)
from reports.figures.labels import Label, place
from reports.figures.style import SCREEN, looks


def measure(value: float, unit: str = "1", claimed: bool = True) -> Measure:
    return Measure(unit, value, None, None, 1, "ok", "", {}, claimed=claimed)


def result(
    label: str, time: float, dim: float | None, lmax: int = 2, pass_: str = "fwd",
    withheld: str = "", breaks: bool = False,
) -> Result:  # fmt: skip
    operation = label.split(".")[0]
    columns = {
        "family": "product", "operation": operation, "framework": "torch", "pass": pass_,
        "problem": f"lmax{lmax}", "implementation": label, "mode": "eager",
    }  # fmt: skip
    columns |= {"facet.setting": "mimo", "facet.lmax": lmax, "dtype": "float32", "device": "cpu"}
    measures = {HOST.probe: measure(time, "s"), "equiv.inversion": measure(1e-8)}
    measures |= {"expressivity.dim": measure(dim)} if dim else {}
    measures |= {"equiv.inversion": measure(0.8, claimed=False)} if breaks else {}
    return Result(columns, label, "ok", withheld, {}, measures, {})


def series(results: list[Result]) -> list[Series]:
    return series_of(blocks_of(results))


WORDS = Words(load())


def test_a_figure_has_every_published_point_and_names_the_front() -> None:
    results = [
        result("gaunt.torch_a", 1e-4, 9.0),
        result("gaunt.torch_b", 3e-4, None),
        result("full.torch_a", 2e-4, 19.0),
        result("full.torch_slow", 9e-4, None),
        result("full.torch_wrong", 1e-9, None, withheld="wrong"),
        result("matrix.torch_a", 1e-5, 19.0, breaks=True),
        result("full.torch_a", 5e-4, None, pass_="grad"),
        result("gaunt.torch_a", 6e-4, None, pass_="grad"),
    ]
    (figure,) = figures(series(results), collect(results, frozenset()), WORDS)
    assert set(figure.passes) == {"forward", "with gradients"}
    points = figure.passes["forward"][2.0]
    assert {p.label for p in points} == {
        "gaunt.torch_a", "gaunt.torch_b", "full.torch_a", "full.torch_slow", "matrix.torch_a",
    }  # fmt: skip
    assert [p.label for p in not_dominated(points)] == ["gaunt.torch_a", "full.torch_a"]
    assert [p.label for p in not_dominated(figure.passes["with gradients"][2.0])] == [
        "full.torch_a"
    ]
    assert [p.label for p in best_of_each(points)] == [
        "gaunt.torch_a", "full.torch_a", "matrix.torch_a",
    ]  # fmt: skip
    assert "forward at L = 2: Gaunt product (100.0 µs, dimension 9) and full" in figure.alt
    assert "Not dominated at L = 2, forward: Gaunt product for 100.0 µs (9)" in figure.caption
    svg, pdf, panels = made = draw(figure, looks(results))
    assert pdf.startswith(b"%PDF") and made == draw(figure, looks(results))
    assert len(panels) == 2 and "L = 2, forward" in panels[0] and "with gradients" in panels[1]
    for word in (
        "L = 2, forward",
        "with gradients",
        "Gaunt<",
        "(breaks inversion)",
        "dimension of",
    ):
        assert word in svg, word


def test_it_is_as_wide_as_two_columns_or_one() -> None:
    def width(results: list[Result]) -> float:
        made = figure_of(series(results)[0], collect(results, frozenset()), WORDS)
        assert made is not None
        found = re.search(r'width="([\d.]+)pt"', draw(made, looks(results))[0])
        assert found is not None
        return float(found[1]) / 72

    one = [result("gaunt.torch_a", 1e-4, 9.0), result("full.torch_a", 2e-4, 19.0)]
    assert width(one) == pytest.approx(3.25)
    two = [*one, result("gaunt.torch_a", 1e-4, 5.0, 1), result("full.torch_a", 2e-4, 6.0, 1)]
    assert width(two) == pytest.approx(6.75)


def test_where_all_express_the_same_there_is_no_figure() -> None:
    results = [result("gaunt.torch_a", 1e-4, 9.0), result("full.torch_a", 2e-4, 9.0)]
    assert figures(series(results), collect(results, frozenset()), WORDS) == []
    few = [result("gaunt.torch_a", 1e-4, None)]
    assert figures(series(few), Expressivity(frozenset()), WORDS) == []


def test_a_size_at_which_all_express_the_same_has_no_panel() -> None:
    alone = [result("full.torch_a", 3e-4, 30.0, 1), result("full.torch_b", 4e-4, 30.0, 1)]
    both = [result("gaunt.torch_a", 1e-4, 9.0), result("full.torch_a", 2e-4, 19.0)]
    results = [*both, *alone]
    (made,) = figures(series(results), collect(results, frozenset()), WORDS)
    (sizes,) = made.passes.values()
    assert [len(points) for points in sizes.values()] == [2]


def test_a_point_is_its_label_time_and_dimension() -> None:
    point = Point("a", 1.0, 2.0)
    assert not_dominated([point, Point("b", 1.0, 3.0)]) == [Point("b", 1.0, 3.0)]
    assert not_dominated([point, Point("b", 0.5, 3.0, breaks="inversion")]) == [point]


def test_the_page_opens_with_the_series_in_which_operations_can_be_compared() -> None:
    alone = [result("full.torch_a", 1e-4, 30.0, 9), result("full.torch_b", 1e-4, None, 9)]
    alone = [
        Result({**r.columns, "facet.setting": "siso", "problem": "p"}, *_rest(r)) for r in alone
    ]
    results = [*alone, result("gaunt.torch_a", 1e-4, 9.0), result("full.torch_a", 2e-4, 19.0)]
    found = leading(series(results), collect(results, frozenset()))
    assert found is not None and found.headline[0] == 2.0
    assert leading([], Expressivity(frozenset())) is None


def _rest(r: Result) -> tuple[Any, ...]:
    return r.label, r.status, r.withheld, r.detail, r.measures, r.sampled


def test_labels_cover_neither_each_other_nor_dots() -> None:
    canvas = Canvas(figsize=(3.25, 2.0))
    FigureCanvasAgg(canvas)
    ax = canvas.subplots()
    ax.set_xlim(0, 1), ax.set_ylim(0, 1)
    dots = [(0.4, 0.5), (0.5, 0.5), (0.45, 0.55), (0.95, 0.5)]
    place(ax, [Label(x, y, f"label {i}", "black") for i, (x, y) in enumerate(dots)], dots)
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) == 4
    for i, a in enumerate(boxes):
        assert not any(a.overlaps(b) for b in boxes[i + 1 :])
        assert not any(a.contains(*ax.transData.transform(dot)) for dot in dots)
    assert boxes[3].x1 <= ax.get_window_extent().x1


@pytest.mark.parametrize("seed", range(6))
def test_labels_of_points_that_nearly_coincide_do_not_meet(seed: int) -> None:
    rng = np.random.default_rng(seed)
    canvas = Canvas(figsize=(SCREEN, 2.6))
    FigureCanvasAgg(canvas)
    ax = canvas.subplots()
    ax.set_xlim(0, 1), ax.set_ylim(0, 1)
    dots = [(0.2 + 0.03 * x, 0.7 + 0.02 * y) for x, y in rng.random((NAMED, 2))]
    texts = ["Gaunt", "Matrix\n(breaks inversion)", *(f"operation {i}" for i in range(NAMED - 2))]
    place(ax, [Label(*dot, text, "black") for dot, text in zip(dots, texts, strict=True)], dots)
    canvas.draw_without_rendering()
    extents = [Text.get_window_extent(text) for text in ax.texts]
    assert len(extents) == NAMED
    frame = ax.get_window_extent()
    for i, a in enumerate(extents):
        assert not any(a.overlaps(b) for b in extents[i + 1 :])
        assert frame.x0 - 1 <= a.x0 and a.x1 <= frame.x1 + 1


def chart(*ends: tuple[str, float, float | None]) -> Figure:
    """Return a figure of curves (label, value at its end, upper end of its interval)."""

    def curve(label: str, y: float, hi: float | None) -> Curve:
        points = (1.0, y / 2, None, None), (2.0, y, y / 2, hi)
        return Curve(label, label.split(".")[0], "torch", points, label)

    curves = tuple(curve(*end) for end in ends)
    return Figure("f", "t", "lmax", "time", "s", True, False, (Panel("", curves),))


def test_a_panel_labels_seven_the_lowest_of_each_operation_first() -> None:
    many = chart(
        ("slow.torch_a", 9.0, None), *((f"quick.torch_{i}", 1.0 + i, None) for i in range(9))
    )
    shown = [c.label for c in plot.named(many.panels[0].curves)]
    assert shown[:2] == ["quick.torch_0", "slow.torch_a"] and len(shown) == plot.NAMED
    results = [result(c.label, 1.0, None) for c in many.panels[0].curves]
    svg, *_ = plot.draw(many, looks(results))
    assert "quick.torch_5" in svg and "quick.torch_8" not in svg


def test_an_interval_sets_no_axis() -> None:
    def drawn(hi: float) -> str:
        made = chart(("a.torch_a", 1e-3, hi))
        return plot.draw(made, looks([result("a.torch_a", 1.0, None)]))[0]

    def ticks(svg: str) -> list[str]:
        return re.findall(r">([\d.]+ [mµ]?s)<", svg)

    assert ticks(drawn(1e3)) == ticks(drawn(2e-3)) != []
