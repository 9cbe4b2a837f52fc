"""The advisor: what it finds is what is derived, known values, and rules that are planted."""

import json

import numpy as np
import pytest

import analysis.__main__ as analysis_line
from analysis import quadrature
from analysis.quadrature import KINDS, Rule, degree_of, errors, smallest
from bench.measuring.built_case import build
from bench.measuring.probes import quadrature as probe
from bench.record.case import Case
from impls.families import feature, product
from impls.implementation import Target
from impls.registry import load
from impls.so3.wigner import gaunt

REGISTRY = load()


def upto(lmax):
    return list(range(lmax + 1))


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [
        ("gauss_legendre", ["2 x 4", "4 x 7", "5 x 10", "7 x 13"]),
        ("driscoll_healy", ["4 x 4", "8 x 7", "10 x 10", "14 x 13"]),
        ("lebedev", ["6 points", "26 points", "38 points", "86 points"]),
        ("t_design", ["6 points", "24 points", "48 points", "84 points"]),
    ],
)
def test_products_of_two_functions_up_to_degree_four(kind, sizes):
    """The smallest that is measured to be exact has the degree 3L that is derived, or the next."""
    for lmax, size in zip((1, 2, 3, 4), sizes, strict=True):
        advice = smallest(kind, [upto(lmax)] * 2, upto(lmax))
        assert advice.rule.size == size
        assert len(advice.rule) == len(KINDS[kind](3 * lmax))
        assert max(advice.error.values()) < quadrature.EXACT
        if advice.smaller is None:
            assert size == "6 points", "there is no smaller one of its kind"
        else:
            assert len(advice.smaller) < len(advice.rule)
            assert max(advice.below.values()) > 1e-3


def test_the_sizes_of_the_table_at_degree_six():
    sizes = {kind: make(18).size for kind, make in KINDS.items()}
    assert sizes == {
        "gauss_legendre": "10 x 19",
        "driscoll_healy": "20 x 19",
        "lebedev": "146 points",
        "t_design": "180 points",
    }


def test_the_error_is_that_of_the_coupling_of_degrees():
    """Against Gaunt tensors: the finer grid that is compared with is not what decides."""
    factors, out = [[0, 2], [1, 2]], [1, 2, 3]
    rule = KINDS["gauss_legendre"](4)
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((quadrature.DRAWS, sum(2 * n + 1 for n in f))) for f in factors)
    found = quadrature._coefficients(rule, [x, y], factors, out)
    wanted = {degree: np.zeros((quadrature.DRAWS, 2 * degree + 1)) for degree in out}
    at_x, at_y = {0: slice(0, 1), 2: slice(1, 6)}, {1: slice(0, 3), 2: slice(3, 8)}
    for l3 in out:
        for l1, one in at_x.items():
            for l2, two in at_y.items():
                if abs(l1 - l2) <= l3 <= l1 + l2:
                    tensor = gaunt(l1, l2, l3)
                    wanted[l3] += np.einsum("bi,bj,ijk->bk", x[:, one], y[:, two], tensor)
    scale = np.sqrt(np.mean(np.concatenate(list(wanted.values()), axis=1) ** 2))
    for degree, error in errors(rule, factors, out).items():
        expected = np.sqrt(np.mean((found[degree] - wanted[degree]) ** 2)) / scale
        assert error == pytest.approx(expected, abs=1e-13)
    assert max(errors(KINDS["gauss_legendre"](7), factors, out).values()) < 1e-13


def test_one_step_below_says_which_degrees_are_wrong():
    """One azimuth fewer aliases the highest orders into each other, and leaves scalars alone."""
    advice = smallest("gauss_legendre", [upto(2)] * 2, upto(2))
    assert advice.smaller.size == "3 x 6"
    assert advice.below[2] > 0.01 and advice.below[0] < 1e-12


def test_powers_and_outputs_raise_the_degree():
    assert degree_of([upto(2)] * 3, upto(1)) == 7
    assert smallest("lebedev", [upto(2)] * 3, upto(1)).rule.size == "26 points"
    assert smallest("gauss_legendre", [upto(3)], upto(3)).rule.size == "4 x 7"  # one function alone
    assert smallest("gauss_legendre", [[0], [0]], [0]).rule.size == "1 x 1"
    assert smallest("gauss_legendre", [[0], [0]], [0]).smaller is None


def test_a_rule_that_is_less_exact_than_it_says_is_passed_over(monkeypatch):
    """The degree that a rule is said to have is not believed."""

    def tilted(degree):
        rule = KINDS["gauss_legendre"](degree)
        weights = rule.weights.copy()
        if degree < 5:
            weights[0] *= 1.001
        return Rule(degree, rule.points, weights, rule.size)

    monkeypatch.setattr(quadrature, "KINDS", {"tilted": tilted})
    assert smallest("tilted", [upto(1)] * 2, upto(1)).rule.degree == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gauss", [[0]], [0]), "unknown kind 'gauss': choose gauss_legendre"),
        (("lebedev", [], [0]), "a product needs factors"),
        (("lebedev", [[1], []], [0]), "a product needs factors"),
        (("t_design", [upto(8)] * 2, upto(8)), "no rule of kind t_design up to degree 21"),
    ],
)
def test_what_has_no_answer_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        smallest(*arguments)


def readings(operation, asked):
    case = Case(asked, f"{operation}.numpy_{NUMPY[operation]}", "fwd", "eager", Target(), {}, {})
    return {r.probe: r for r in probe.quadrature(build(case, REGISTRY))}


NUMPY = {
    "gaunt": "grid",
    "gaunt_bracket": "grid",
    "gaunt_power": "grid",
    "spin_gaunt": "grid",
    "grid_gated_product": "dense",
    "grid_swiglu": "dense",
    "clebsch_gordan": "dense",
}


def test_each_operation_is_asked_for_what_it_multiplies():
    """Outputs that vanish are not taken back: 7e is out of reach of degrees 2 and 1."""
    sizes = {"irreps_in1": "0e+1o+2e", "irreps_in2": "0e+1o", "irreps_out": "0e+1o+3o+7o"}
    small = {"channels": 1, "batch": 1, "dtype": "float64"}
    asked = {
        "gaunt": (product.ask(**sizes, **small), 6),
        "gaunt_bracket": (product.problem("truncated", 2, "so3", **small), 6),
        "spin_gaunt": (product.problem("truncated", 2, "so3", **small), 6),
        "gaunt_power": (feature.power(3, 2, 1, **small), 7),
        "grid_gated_product": (feature.ask(lmax=2, **small), 6),
    }
    for operation, (problem, degree) in asked.items():
        found = readings(operation, problem)
        assert set(found) == {f"quadrature.{kind}" for kind in KINDS}
        for kind in KINDS:
            reading = found[f"quadrature.{kind}"]
            assert reading.passed and reading.detail["degree"] == degree
            assert reading.value <= reading.expected == len(KINDS[kind](degree))


def test_an_activation_has_no_exact_rule_and_others_are_not_asked():
    small = {"channels": 1, "batch": 1, "dtype": "float64"}
    (reading,) = readings("grid_swiglu", feature.ask(lmax=2, **small)).values()
    assert reading.value is None
    assert reading.detail["unavailable"].startswith("silu is no polynomial")
    (reading,) = readings("spin_gaunt", product.problem("siso", 3, "so3", **small)).values()
    assert reading.detail["unavailable"].startswith("derivatives alone meet")
    assert not readings("clebsch_gordan", product.problem("mimo", 1, "so3", **small))


def test_a_kind_without_a_rule_of_the_degree_says_so():
    small = {"channels": 1, "batch": 1, "dtype": "float64"}
    found = readings("gaunt", product.problem("truncated", 8, "so3", **small))
    reading = found["quadrature.t_design"]
    assert reading.value is None and "above degree 21" in reading.detail["unavailable"]
    assert found["quadrature.lebedev"].value == 302  # 25 and 27 have negative weights


def test_a_rule_that_is_wrong_for_its_degree_is_a_failure(monkeypatch):
    """Of what the suite's own grids are made."""

    honest = KINDS["gauss_legendre"]

    def tilted(degree):
        rule = honest(degree)
        return Rule(degree, rule.points, rule.weights * (1 + 1e-6 * (degree < 8)), rule.size)

    monkeypatch.setitem(quadrature.KINDS, "gauss_legendre", tilted)
    small = {"channels": 1, "batch": 1, "dtype": "float64"}
    reading = readings("grid_gated_product", feature.ask(lmax=2, **small))[
        "quadrature.gauss_legendre"
    ]
    assert reading.passed is False and reading.value == 45
    assert reading.detail["problem"].startswith("gauss_legendre: 4 x 7 are not exact for degree 6")


@pytest.mark.slow
def test_the_command_says_it_by_kind_and_by_irrep(tmp_path, capsys):
    line = ["quadrature", "--operation", "grid_gated_product", "--implementation", "numpy_dense"]
    line += ["--family", "feature", "--lmax", "2", "--batch", "1", "--dtype", "float64"]
    line += ["--plain", "--format", "json", "--out", str(tmp_path)]
    assert analysis_line.main(line) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["kind"], row["points"]) for row in rows] == [
        ("gauss_legendre", 28), ("driscoll_healy", 56), ("lebedev", 26), ("t_design", 24)
    ]  # fmt: skip
    assert all(row["passed"] and row["degree"] == 6 for row in rows)
    assert analysis_line.main([*line, "--irreps"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["irrep"] for row in rows[:3]] == ["0e", "1o", "2e"]
