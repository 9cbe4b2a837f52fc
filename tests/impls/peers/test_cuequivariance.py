"""cuEquivariance: which method runs, and that none runs in the place of another.

The values of its implementations are those of the conformance tests, where it is installed.
"""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from fnmatch import fnmatchcase

import pytest

from bench.measuring.built_case import build
from bench.measuring.probes import probes
from bench.record.case import Case
from impls.families.feature import power
from impls.families.product import problem
from impls.implementation import Target
from impls.peers import cuequivariance
from impls.powers.symmetric_contraction import cuequivariance as contraction
from impls.products.clebsch_gordan.cuequivariance import IMPLEMENTATIONS, plan
from impls.registry import load

ASKED = problem("mimo", 1, channels=2, batch=3)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS, ids=lambda i: i.name)
def test_without_its_kernels_cuda_is_refused_with_the_remedy(implementation, monkeypatch):
    assert implementation.supports(ASKED, Target("cpu")) is None
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if "_ops_" in name else found(name)
    )
    refused = implementation.supports(ASKED, Target("cuda"))
    framework = implementation.framework
    assert refused.reason == f"not installed: cuequivariance_ops_{framework}"
    assert f"pip install cuequivariance-ops-{framework}" in refused.remedy


@pytest.mark.parametrize(
    ("device", "asked", "method"),
    [("cpu", "default", "naive"), ("cuda", "default", "uniform_1d"), ("cuda", "naive", "naive")],
)
def test_the_method_that_runs_is_the_one_that_is_named(device, asked, method):
    assert cuequivariance.method_of(Target(device), {"method": asked}) == method


def test_what_the_library_would_replace_is_an_error():
    pytest.importorskip("cuequivariance_torch")
    if importlib.util.find_spec("cuequivariance_ops_torch"):
        pytest.skip("its kernels are installed")
    made = plan(ASKED, Target("cpu"), "torch")
    with pytest.raises(RuntimeError, match=r"uniform_1d.*naive"):
        cuequivariance.evaluator("torch", made, "uniform_1d", Target("cpu"))


def test_a_method_is_known_by_its_name_in_both_frameworks():
    (pattern,) = cuequivariance.RUNS["uniform_1d"]
    assert fnmatchcase("cuequivariance::uniform_1d", pattern)
    assert fnmatchcase("uniform_1d_cuda", pattern)
    assert not fnmatchcase("aten::bmm", pattern)


def test_on_a_cpu_few_paths_of_a_contraction_are_asked():
    small, large = power(2, 1, 1, channels=2), power(3, 3, 1, channels=2)
    assert len(contraction.paths_of(small)) < contraction.LARGEST
    assert contraction.supports(small, Target("cpu")) is None
    assert contraction.supports(large, Target("cuda")) is None
    refused = contraction.supports(large, Target("cpu"))
    assert "one by one" in refused.reason and "cuda" in refused.remedy


def test_what_jax_would_replace_is_a_failure_of_the_case():
    """Its warning is not heard here; what ran is on the receipt."""
    pytest.importorskip("cuequivariance_jax")
    if importlib.util.find_spec("cuequivariance_ops_jax"):
        pytest.skip("its kernels are installed")
    name, options = "clebsch_gordan.jax_cuequivariance", {"method": "uniform_1d"}
    case = Case(replace(ASKED, dtype="float32"), name, "fwd", "jit", Target(), options)
    built = build(case, load())
    with pytest.warns(UserWarning, match="Falling back to 'naive'"):
        built.run()
    found = {r.probe: r for r in probes()["conduct.receipt"].measure(built)}["conduct.receipt"]
    assert found.passed is False and "*uniform_1d* is declared" in found.detail["problem"]


def test_it_is_there_for_all_that_it_answers():
    names = {i.full_name for i in load().implementations.values() if "cuequi" in i.name}
    operations = ("clebsch_gordan", "channelwise", "uvw", "uvu", "uvv", "uuw", "uuu", "uvuv",
                  "symmetric_contraction")  # fmt: skip
    assert names == {f"{o}.{f}_cuequivariance" for o in operations for f in ("torch", "jax")}
