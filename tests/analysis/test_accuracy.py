"""Digits lost: known by construction, and measured on implementations."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from analysis.accuracy import accuracy, sweep
from bench.measuring.built_case import build
from bench.measuring.probes.accuracy import accuracy as probe
from bench.record.case import Case
from impls.families.product import problem
from impls.implementation import Target
from impls.registry import load
from impls.spaces import Space

EPS = float(np.finfo(np.float32).eps)
SPACE = {"z": Space((100, 4), irreps="1x0e+1x1o")}
X = np.random.default_rng(0).uniform(1.0, 2.0, (100, 4))


def rounded(arrays):
    return {name: a.astype(np.float32).astype(float) for name, a in arrays.items()}


def swept(call, oracle, magnitudes):
    return sweep(call, oracle, {"x": X}, SPACE, ("x",), rounded, magnitudes)


def test_rounding_alone_loses_no_digit_and_cancellation_loses_as_many_as_cancel():
    def call(a):
        return {"z": (a["x"].astype(np.float32) + np.float32(1e4)) - np.float32(1e4)}

    found = swept(call, lambda a: {"z": a["x"]}, (1e-1, 1.0, 1e2, 1e5))
    lost = {m: result.digits_lost(EPS) for m, result in found.items()}
    assert 4.4 < lost[1e-1] < 5.1 and 3.4 < lost[1.0] < 4.1 and 1.4 < lost[1e2] < 2.1
    assert lost[1e5] < 0.5
    plain = swept(
        lambda a: {"z": a["x"].astype(np.float32) ** 2}, lambda a: {"z": a["x"] ** 2}, (1.0,)
    )
    assert 6.9 < -math.log10(plain[1.0].error) < 8 and plain[1.0].digits_lost(EPS) < 0.1


def test_errors_of_each_irrep_are_its_own():
    right = {"z": np.ones((100, 4))}
    wrong = right["z"].copy()
    wrong[:, 1:] += 0.5
    found = accuracy({"z": wrong}, right, SPACE)
    assert found.per_irrep == {"0e": 0.0, "1o": 0.5} and found.worst == ("1o", 0.5)
    np.testing.assert_allclose(found.error, 0.5 * math.sqrt(3 / 4))
    half = {"z": np.concatenate([np.ones((100, 1)), np.zeros((100, 3))], axis=1)}
    assert list(accuracy(half, half, SPACE).per_irrep) == ["0e"]
    assert accuracy(half, half, SPACE).digits_lost(EPS) == -math.inf
    with pytest.raises(ValueError, match="identically zero"):
        accuracy(right, {"z": np.zeros((100, 4))}, SPACE)


def test_overflow_is_not_a_number_and_loses_everything():
    def power(a):
        with np.errstate(over="ignore"):
            return {"z": a["x"].astype(np.float32) ** 13}

    found = swept(power, lambda a: {"z": a["x"] ** 13}, (1.0, 1e3))
    assert found[1.0].digits_lost(EPS) < 2 and found[1e3].digits_lost(EPS) == math.inf


@pytest.mark.parametrize(("dtype", "digits"), [("float32", 7), ("bfloat16", 2.4)])
@pytest.mark.parametrize("name", ["clebsch_gordan.torch_dense", "gaunt.torch_grid"])
def test_implementations_keep_the_digits_of_their_type(name, dtype, digits):
    asked = problem("mimo", 2, "o3", batch=16, dtype=dtype)
    built = build(Case(asked, name, "fwd", "eager", Target()), load(()))
    readings = {r.probe: r for r in probe(built)}
    assert next(iter(readings)) == "accuracy.0.001" and len(readings) == 7
    for reading in readings.values():
        assert abs(-math.log10(reading.value) - digits) < 0.4
        assert abs(reading.detail["digits_lost"]) < 1 and reading.passed
        assert set(reading.detail["per_irrep"]) == {"0e", "1o", "2e", "3o", "4e"}


def test_a_map_that_scales_is_to_be_right_at_each_magnitude():
    """Wrong from a magnitude of ten: a bilinear map has no such size."""
    registry, name = load(()), "clebsch_gordan.numpy_dense"
    honest = registry.implementation(name)

    def build_saturating(problem, target, options):
        built = honest.build(problem, target, options)

        def call(inputs, weights):
            return built.call({n: np.clip(a, -5, 5) for n, a in inputs.items()}, weights)

        return replace(built, call=call)

    registry.implementations[name] = replace(honest, build=build_saturating)
    case = Case(problem("mimo", 2, "o3", batch=16), name, "fwd", "eager", Target())
    passed = {r.detail["magnitude"]: r.passed for r in probe(build(case, registry))}
    assert passed == {m: m <= 1.0 for m in (1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3)}
