"""Figures of expressivity against time."""

from __future__ import annotations

from reports.data.clocks import HOST
from reports.data.expressivity import Expressivity, collect
from reports.data.results import Measure, Result
from reports.figures.front import Point, draw, figures, not_dominated
from reports.figures.style import looks


def measure(value, unit="1"):
    return Measure(unit, value, None, None, 1, "ok", "", {})


def result(label, time, dim, lmax=2, pass_="fwd", withheld=""):
    operation = label.split(".")[0]
    columns = {"family": "product", "operation": operation, "framework": "torch", "pass": pass_}
    columns |= {"facet.setting": "mimo", "facet.lmax": lmax, "dtype": "float32", "device": "cpu"}
    measures = {HOST.probe: measure(time, "s")}
    measures |= {"expressivity.dim": measure(dim)} if dim else {}
    return Result(columns, label, "ok", withheld, {}, measures, {})


def test_a_figure_has_every_published_point_and_names_the_front():
    results = [
        result("gaunt.torch_a", 1e-4, 9.0),
        result("gaunt.torch_b", 3e-4, None),
        result("full.torch_a", 2e-4, 19.0),
        result("full.torch_slow", 9e-4, None),
        result("full.torch_wrong", 1e-9, None, withheld="wrong"),
        result("full.torch_a", 5e-4, None, pass_="grad"),
        result("gaunt.torch_a", 6e-4, None, pass_="grad"),
    ]
    (figure,) = figures(results, collect(results, frozenset()))
    assert set(figure.passes) == {"fwd", "grad"}
    points = figure.passes["fwd"][2.0]
    assert {p.label for p in points} == {
        "gaunt.torch_a", "gaunt.torch_b", "full.torch_a", "full.torch_slow",
    }  # fmt: skip
    assert [p.label for p in not_dominated(points)] == ["gaunt.torch_a", "full.torch_a"]
    assert [p.label for p in not_dominated(figure.passes["grad"][2.0])] == ["full.torch_a"]
    assert "fwd at lmax 2: gaunt.torch_a (100.0 µs, dim 9) and full.torch_a" in figure.alt
    svg, pdf = draw(figure, looks(results))
    assert pdf.startswith(b"%PDF") and (svg, pdf) == draw(figure, looks(results))
    for word in ("lmax 2", "fwd", "grad", "full.torch_slow", "dimension of what it can express"):
        assert word in svg


def test_where_all_express_the_same_there_is_no_figure():
    results = [result("gaunt.torch_a", 1e-4, 9.0), result("full.torch_a", 2e-4, 9.0)]
    assert figures(results, collect(results, frozenset())) == []
    assert figures([result("gaunt.torch_a", 1e-4, None)], Expressivity(frozenset())) == []


def test_a_point_is_its_label_time_and_dimension():
    point = Point("a", 1.0, 2.0)
    assert not_dominated([point, Point("b", 1.0, 3.0)]) == [Point("b", 1.0, 3.0)]
