import importlib
from dataclasses import replace

import numpy as np
import pytest

from impls import backends
from impls.families.product import FAMILY, irreps_of, problem
from impls.implementation import Target
from impls.problem import Problem
from impls.products.gaunt.grid import on_grid
from impls.products.gaunt.layout import product_degree
from impls.products.gaunt.lebedev import point_matrices
from impls.products.gaunt.operation import OPERATION, nonzeros, reached
from impls.registry import load
from impls.so3.designs import t_design
from impls.so3.quadrature import gauss_legendre, lebedev
from impls.so3.wigner import gaunt, wigner_3j

REGISTRY = load()


def implementation(name):
    return REGISTRY.implementation(f"gaunt.{name}")


def custom(first, second, out, channels=2, batch=3, dtype="float64"):
    sizes = {"irreps_in1": first, "irreps_in2": second, "irreps_out": out}
    return Problem("product", sizes | {"channels": channels, "batch": batch}, dtype=dtype)


PROBLEMS = [
    problem(setting, lmax, symmetry, channels=1 + lmax % 2, batch=4, dtype="float64")
    for setting in ("siso", "simo", "mimo")
    for symmetry in ("so3", "o3")
    for lmax in (1, 2, 3)
    if (setting, lmax % 2) != ("siso", 1)
] + [
    problem("mimo", 5, batch=2, dtype="float64"),
    custom("0e+1o", "2e", "1o+2e+3o"),
    custom("0o+1e", "0e+1o+2e", "3e+0o+1o+1e+2o"),  # one pseudo input; 1o vanishes
    custom("0o+1e", "0o+2o", "2e+1o+3o+9o"),
    custom("2e+0e+1o", "3o+1o", "1o+0e+4e"),
    custom("4", "0", "4"),
    custom("4", "1", "3"),
    custom("1", "5", "4+6"),
    custom("3", "3", "0"),
    custom("0+2", "0+1+3", "1"),
    custom("1+1", "2", "1+3"),
    custom("0+5", "0+1", "0+1"),  # no path starts at 5
    custom("0e+1o", "0e+5o", "0e+1o"),
    custom("0e", "0e", "0e"),
]


def name_of(asked):
    return " | ".join(str(asked.sizes[f"irreps_{side}"]) for side in ("in1", "in2", "out"))


@pytest.mark.parametrize("asked", PROBLEMS, ids=name_of)
def test_oracle_is_the_closed_form(asked, runner, distance):
    arrays = runner.draw(asked)
    first, second, out = irreps_of(asked)
    in1, in2, in3 = first.slices(), second.slices(), out.slices()
    wanted = np.zeros(OPERATION.outputs(asked)["z"].shape)
    for (i1, i2, i3), value in OPERATION.coefficients(asked).items():
        degrees = first.items[i1][1].l, second.items[i2][1].l, out.items[i3][1].l
        assert value > 0
        np.testing.assert_allclose(value * wigner_3j(*degrees), gaunt(*degrees), atol=1e-14)
        x, y = arrays["x"][..., in1[i1]], arrays["y"][..., in2[i2]]
        wanted[..., in3[i3]] += np.einsum("ijk,...i,...j->...k", gaunt(*degrees), x, y)
    found = OPERATION.oracle(asked, arrays, {})["z"]
    assert distance(found, wanted) < 1e-13
    assert [bool(np.any(found[..., part])) for part in in3] == list(reached(asked))


@pytest.mark.parametrize("asked", PROBLEMS, ids=name_of)
def test_of_any_irreps(asked, agrees):
    agrees(OPERATION, asked)


VARIANTS = [("fourier", {"fft": "complex"}), ("grid", {"grid": "double"})]


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=str)
def test_the_naive_variants_are_the_same_map(name, options, agrees, judge, distance):
    default = implementation(f"torch_{name}")
    ((option, value),) = options.items()
    assert default.options[option][1] == value
    kernels = {default.build(problem("mimo", 2), Target(), o).kernel for o in ({}, options)}
    assert len(kernels) == 2
    first = custom("0e+1o+3o", "2e+1o", "1o+2e+1e")
    for asked in (first, problem("simo", 2, dtype="float64"), custom("0", "0", "0")):
        agrees(OPERATION, asked, options=options)
    inputs, _ = judge.draw(FAMILY, OPERATION, first)
    c = {"z": np.random.default_rng(1).standard_normal(OPERATION.outputs(first)["z"].shape)}
    _, wanted = judge.differentiated(default, first, inputs, {}, c)
    outputs, found = judge.differentiated(default, first, inputs, {}, c, options)
    assert outputs["z"].dtype == np.float64
    for key in "xy":
        assert found[key].dtype == np.float64 and distance(found[key], wanted[key]) < 1e-12


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=str)
def test_an_unknown_variant_is_refused(name, options):
    ((option, value),) = options.items()
    for framework in ("numpy", "torch", "jax"):
        built = implementation(f"{framework}_{name}").build
        with pytest.raises(ValueError, match=f"unknown {option} 'other': choose .*, {value}"):
            built(PROBLEMS[0], Target(), {option: "other"})


@pytest.mark.parametrize(("symmetry", "counts"), [("so3", (5, 14, 30)), ("o3", (5, 14, 30))])
def test_number_of_paths(symmetry, counts):
    for lmax, count in enumerate(counts, 1):
        assert len(OPERATION.coefficients(problem("mimo", lmax, symmetry))) == count


@pytest.mark.parametrize("asked", [problem("mimo", 1), problem("mimo", 3)], ids=name_of)
def test_one_point_fewer_is_detected(asked, runner, distance):
    asked = Problem("product", asked.with_sizes(batch=8).sizes, dtype="float64")
    arrays = runner.draw(asked)
    wanted = OPERATION.oracle(asked, arrays, {})["z"]

    def error(points):
        return distance(
            on_grid(asked, backends.load("numpy", asked, Target()), points).call(arrays, {})["z"],
            wanted,
        )

    degree = product_degree(asked)
    exact = gauss_legendre(degree)
    assert error(exact) < 1e-13
    nodes, weights = np.polynomial.legendre.leggauss(len(exact.cos_theta) - 1)
    assert error(replace(exact, cos_theta=nodes, theta_weights=weights)) > 0.05
    coarse = gauss_legendre(degree - 1)
    assert error(replace(exact, phi=coarse.phi, phi_weight=coarse.phi_weight)) > 0.05


@pytest.mark.parametrize("fewer", [(1, 0), (0, 1)])
def test_a_smaller_torus_is_detected(fewer, runner, distance, monkeypatch):
    module = importlib.import_module("impls.products.gaunt.fourier")
    asked = problem("mimo", 2, batch=8, dtype="float64")
    arrays = runner.draw(asked)
    wanted = OPERATION.oracle(asked, arrays, {})["z"]
    assert module.torus(asked) == (9, 9)  # 2 band + 1
    monkeypatch.setattr(module, "torus", lambda _: (9 - fewer[0], 9 - fewer[1]))
    found = runner.value(implementation("torch_fourier"), asked, arrays)
    assert distance(found, wanted) > 0.05


@pytest.mark.parametrize("name", ["torch_grid", "torch_grid_fft", "torch_fourier"])
def test_high_degree_in_single_precision(name, runner, distance):
    asked = problem("mimo", 20, batch=2)
    arrays = runner.draw(asked)
    found = runner.value(implementation(name), asked, arrays)
    assert found.shape == (2, 1, 41**2)
    assert distance(found, OPERATION.oracle(asked, arrays, {})["z"]) < 2e-6
    assert OPERATION.cost(asked)["flops"] > 1e7  # without a table of all coefficients


def test_orders_that_couple_are_counted():
    for l1, l2, l3 in ((0, 0, 0), (1, 1, 1), (1, 1, 2), (1, 2, 2), (2, 2, 2), (2, 3, 1)):
        assert nonzeros(l1, l2, l3) == np.count_nonzero(wigner_3j(l1, l2, l3))
    assert nonzeros(3, 3, 2) >= np.count_nonzero(wigner_3j(3, 3, 2))


@pytest.mark.parametrize("fewer", [0, 1])
def test_fewer_azimuths_are_detected_by_the_fft(fewer, runner, distance, monkeypatch):
    module = importlib.import_module("impls.products.gaunt.grid_fft")
    asked = problem("mimo", 2, batch=8, dtype="float64")
    arrays = runner.draw(asked)
    monkeypatch.setattr(module, "azimuths", lambda _: 9 - fewer)  # D + 1
    found = runner.value(implementation("torch_grid_fft"), asked, arrays)
    error = distance(found, OPERATION.oracle(asked, arrays, {})["z"])
    assert error > 0.05 if fewer else error < 1e-12


@pytest.mark.parametrize("rule", [lebedev, t_design])
def test_a_smaller_rule_of_points_is_detected(rule, runner, distance):
    asked = problem("mimo", 2, batch=8, dtype="float64")
    arrays = runner.draw(asked)
    wanted = OPERATION.oracle(asked, arrays, {})["z"]
    degree = product_degree(asked)
    assert degree == 8

    def error(points, weights):
        a, b, back = point_matrices(asked, points, weights)
        return distance(((arrays["x"] @ a) * (arrays["y"] @ b)) @ back, wanted)

    assert error(*rule(degree)) < 1e-12
    assert error(*rule(degree - 1)) > 0.05


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (problem("siso", 3, "o3"), "identically zero: l1+l2+l3 odd for every path"),
        (problem("siso", 1, "so3"), "identically zero: l1+l2+l3 odd for every path"),
        (custom("1o", "1o", "3o"), "empty: no path of 1x1o x 1x1o ends in 1x3o"),
        (custom("1o", "1o", "2o"), "identically zero: the parity of every output"),
        (custom("0e+1e", "1o", "1o"), "irreps_in1=1x0e+1x1e is not one function on the sphere"),
        (custom("1o", "1o+2o", "2e"), "irreps_in2=1x1o+1x2o is not one function on the sphere"),
    ],
)
def test_refusals_name_the_reason(asked, reason):
    refusal = OPERATION.supports(asked)
    assert refusal is not None and str(refusal).startswith(reason)


def test_implementations_refuse_what_they_cannot():
    large = problem("mimo", 33)
    assert "no Lebedev rule" in str(implementation("torch_lebedev").supports(large, Target()))
    refusal = implementation("jax_design").supports(problem("mimo", 6), Target())
    assert "L1 + L2 + L3 = 24 is above 21" in str(refusal) and "use lebedev" in str(refusal)
    for framework in ("torch", "jax"):
        supports = implementation(f"{framework}_coefficients").supports
        assert supports(problem("mimo", 19), Target()) is None
        refusal = supports(problem("mimo", 20), Target())
        assert "the table of all coefficients has 1.2 GiB" in str(refusal)
        assert "use grid, fourier or lebedev" in str(refusal)
        assert supports(problem("mimo", 19, dtype="float64"), Target()) is not None
    half = problem("mimo", 1, dtype="bfloat16")
    assert "bfloat16" in str(implementation("jax_fourier").supports(half, Target()))
    assert "bfloat16" in str(implementation("torch_grid_fft").supports(half, Target()))
    assert implementation("jax_fourier").supports(problem("mimo", 1), Target()) is None
    assert implementation("torch_lebedev").supports(problem("mimo", 2), Target()) is None
