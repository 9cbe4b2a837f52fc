"""The command line of the analysis: planted operations, every view of an answer, what is kept."""

from __future__ import annotations

import json

import pytest

import analysis.__main__ as analysis_line
from bench.commands import analyse
from bench.commands.line import parser_of
from bench.measuring.probes import analyses
from impls.registry import load

PLANTED = '''
"""Scalars of x times y: couples (0, l, l) and nothing else."""
import numpy as np

from impls.families.product import irreps_of, irreps_space, shape_of
from impls.implementation import Built, Implementation
from impls.operation import Operation, exact

EXTRA = {extra}


def outputs(problem):
    irreps = irreps_of(problem)[1]
    return {{"z": irreps_space(shape_of(problem, irreps), irreps)}}


def product(problem, inputs, weights):
    return {{"z": inputs["x"][..., :1] * inputs["y"]}}


def coefficients(problem):
    degrees = [ir.l for _, ir in irreps_of(problem)[1]]
    return {{(0, i, i): float(np.sqrt(2 * l + 1)) for i, l in enumerate(degrees)}} | EXTRA


OPERATION = Operation(
    name="planted", family="product", summary="scalars times y", papers=(),
    claims=exact("rotation", "inversion"),
    outputs=outputs, oracle=product, cost=lambda problem: {{}},
    linear_in=(("x", 1), ("y", 1)), coefficients=coefficients,
)
NAMES = {names}
ONE, TWO = (
    Implementation(
        operation="planted", name=name, framework="numpy",
        build=lambda problem, target, options: Built(
            lambda inputs, weights: product(problem, inputs, weights)
        ),
    )
    for name in NAMES
)
'''


@pytest.fixture
def asked(capsys, tmp_path):
    def run(command, *arguments, code=0, extra="{}", of=("--implementation", "one")):
        file = tmp_path / "planted.py"
        file.write_text(PLANTED.format(extra=extra, names=("one", "two")), encoding="utf-8")
        line = [command, "--operation", "planted", "--with", str(file), "--plain"]
        line += [*arguments, *of, "--out", str(tmp_path / "out"), "--format", "json"]
        found = analysis_line.main(line)
        shown = capsys.readouterr()
        assert found == code, shown.err
        return json.loads(shown.out)

    return run


def test_a_planted_deficiency_in_every_view(asked, tmp_path, monkeypatch):
    rows = asked("expressivity", "--lmax", "2")
    assert [(r["dim"], r["span"], r["full"]) for r in rows] == [(2, 2, 5), (3, 3, 15)]
    assert {r["implementation"] for r in rows} == {"planted.one"}
    assert all(r["passed"] and r["verdict"] == "certain" for r in rows)
    store = tmp_path / "out/expressivity/rows.jsonl"
    before = store.read_bytes()

    parts = [r for r in asked("expressivity", "--lmax", "2", "--irreps") if r["lmax"] == 2]
    assert [(r["irrep"], r["dim"], r["full"]) for r in parts] == [
        ("all", 3, 15), ("0", 1, 3), ("1", 1, 6), ("2", 1, 6),
    ]  # fmt: skip
    channels = [
        r for r in asked("expressivity", "--lmax", "2", "--channels", "2") if r["lmax"] == 2
    ]
    assert [(r["channels"], r["dim"], r["selected"]) for r in channels] == [(1, 3, 3), (2, 3, 3)]
    assert all((r["saturation"], r["complete"]) == (1, None) for r in channels)
    assert store.read_bytes() == before, "other views of one answer measure nothing"

    assert "analysis/expressivity.py" in analyse._sources("expressivity", "numpy")
    monkeypatch.setattr(analyse, "_sources", lambda *names: {"analysis": "changed"})
    every = asked("expressivity", "--lmax", "1", of=())
    assert [r["implementation"] for r in every] == ["planted.one", "planted.two"]
    after = store.read_bytes()
    finished = b'"probe":"case"'
    assert after.startswith(before) and before.count(finished) == 2
    assert after.count(finished) == 4, "what other code has measured is measured again"


def test_what_is_derived_wrongly_is_exit_code_1(asked):
    (row,) = asked("expressivity", "--lmax", "1", code=1, extra="{(1, 1, 0): 1.0}")
    assert (row["dim"], row["expected_dim"], row["passed"]) == (2, 3, False)


def test_a_wrong_size_of_a_coefficient_is_exit_code_1(asked):
    (row,) = asked("expressivity", "--lmax", "1", code=1, extra="{(0, 0, 0): 2.0}")
    assert row["dim"] == row["expected_dim"] == 2 and row["passed"] is False


def test_what_weights_span_and_how_triples_couple(asked):
    (row,) = asked("homs", "--lmax", "1")
    assert (row["spanned"], row["full"], row["passed"]) == (1, 5, True)
    assert row["defect"] < 1e-12 and row["verdict"] == "certain"
    rows = asked("interactability", "--lmax", "1")
    assert [(r["l1"], r["l2"], r["l3"]) for r in rows if r["interactable"]] == [
        ("0", "0", "0"), ("0", "1", "1"),
    ]  # fmt: skip
    assert {(r["l1"], r["l2"], r["l3"]) for r in rows if r["antisymmetric"]} == {("1", "1", "1")}
    missed = {(r["l1"], r["l2"], r["l3"]) for r in rows if r["accidental_zero"]}
    assert missed == {("1", "0", "1"), ("1", "1", "0")}, "no rule on the parity of J excludes them"
    assert all(r["dynamic_range"] == pytest.approx(3**0.5) for r in rows)
    assert all(r["antisymmetric_share"] is None for r in rows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--parallel", "0"), "--parallel must be at least 1, not 0"),
        (("--channels", "0"), "--parallel must be at least 1, not 0"),
        (("--channels", "2", "--irreps"), "not allowed with"),
    ],
)
def test_refusals(capsys, arguments, message):
    line = ["expressivity", "--operation", "gaunt", "--lmax", "1", *arguments]
    try:
        code = analysis_line.main(line)
    except SystemExit as end:
        code = end.code
    assert code == 2 and message in capsys.readouterr().err


def test_every_operation_with_coefficients_is_asked_by_default():
    line = ["analyse", "expressivity", "--lmax", "1"]
    plan = analyse._plan(parser_of(line).parse_args(line), load())
    names = [case.case.implementation.split(".")[0] for case in plan.planned]
    assert {"clebsch_gordan", "gaunt", "matrix", "channelwise", "signal_product"} <= set(names)
    assert {"scalar_vector", "geometric_product"} <= set(names), "problems of profile check"
    assert not {"escn", "gate"} & set(names)
    once = [name for name in names if name not in ("scalar_vector", "geometric_product")]
    assert len(once) == len(set(once)), "one implementation each"


@pytest.mark.parametrize(
    ("setting", "has", "lacks"),
    [("siso", "gaunt", "signal_product"), ("dot", "signal_product", "gaunt")],
)
def test_all_operations_are_those_that_have_the_setting(setting, has, lacks):
    line = ["analyse", "expressivity", "--setting", setting, "--symmetry", "o3", "--lmax", "1"]
    plan = analyse._plan(parser_of(line).parse_args(line), load())
    posed = {case.case.implementation.split(".")[0]: case.case.problem for case in plan.planned}
    assert has in posed and lacks not in posed
    if setting == "dot":
        assert posed[has].sizes["value_out"] == "0e"


def test_rows_without_an_answer_have_no_records():
    for one in analyses().values():
        assert list(one.read([])) == []
        assert all(list(view.read([], 3)) == [] for view in one.views)
    unavailable = {"probe": "homs.spanned", "value": None, "detail": {"unavailable": "too large"}}
    assert list(analyses()["homs"].read([unavailable])) == []
