"""Every registered implementation is right: nothing that is registered is untested.

Each is taken through what it owes: on the most telling of the examples of its family that it
answers the float64 oracle, every symmetry that its operation claims, equal results of equal calls,
untouched inputs and, where inputs are indices, another order of the edges and other labels of the
nodes; on the smallest first and second gradients, single precision and bfloat16, or a refusal by
name. The other examples follow in NumPy. Where NumPy runs the same code JAX has one case, of which
numbers and symmetries are judged; `python -m bench check --all` puts all of them to all.

Tests beside an operation hold what is special about it: closed forms, worked values, libraries.
"""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from bench.record.case import refusal
from impls.implementation import Implementation
from impls.problem import Refusal
from impls.registry import load

REGISTRY = load()
NAMES = sorted(REGISTRY.implementations)
IN_NUMPY = [n for n in NAMES if REGISTRY.implementation(n).framework == "numpy"]


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in NAMES if n not in IN_NUMPY])
def test_implementation(name, conformance, require):
    implementation = conformance.registry.implementation(name)
    require(implementation)
    assert conformance.failures(implementation) == []


@pytest.mark.parametrize("name", IN_NUMPY)
def test_every_example_in_numpy(name, conformance):
    implementation = conformance.registry.implementation(name)
    asked = conformance.examples(implementation.operation)
    cases = [conformance.case(implementation, problem) for problem in asked]
    answered = [case for case in cases if refusal(case, conformance.registry) is None]
    owed = [case for case in conformance.cases(implementation) if case not in answered]
    assert conformance.failures(implementation, answered + owed) == []


@pytest.mark.parametrize("name", sorted(REGISTRY.operations))
def test_every_example_is_answered_by_something(name):
    """Examples that all refuse would test nothing."""
    operation = REGISTRY.operation(name)
    asked = REGISTRY.family(operation.family).examples
    assert any(operation.supports(problem) is None for problem in asked)
    assert REGISTRY.implementations_of(name), "an operation that nothing computes"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_refused_has_a_reason_and_a_remedy(name, conformance):
    """Over all examples, precisions and devices, by the operation and by the implementation."""
    implementation = conformance.registry.implementation(name)
    operation = conformance.registry.operation(implementation.operation)
    family = conformance.registry.family(operation.family)
    for problem in family.examples:
        for dtype in ("float64", "float32", "bfloat16"):
            for device in ("cpu", "cuda"):
                case = conformance.case(implementation, problem, dtype=dtype, device=device)
                refused = refusal(case, conformance.registry)
                assert refused is None or (refused.reason and refused.remedy), refused
                if device == "cuda" and implementation.framework == "numpy":
                    assert refused is not None
                if dtype == "bfloat16" and implementation.framework == "numpy":
                    assert refused is not None


@pytest.mark.parametrize("name", sorted(REGISTRY.families))
def test_a_family_refuses_bad_sizes_by_name(name):
    """Every size left out, one too many, numbers that are none, and data that nothing draws."""
    family = REGISTRY.family(name)
    for problem in family.examples:
        assert family.check(problem) is None
        bad = {"nonsense": [problem.with_sizes(nonsense=1), replace(problem, data="nonsense")]}
        for size, value in problem.sizes.items():
            others = {key: kept for key, kept in problem.sizes.items() if key != size}
            bad[size] = [replace(problem, sizes=others)]
            if not isinstance(value, tuple):
                wrong = ["nonsense"]
                if isinstance(value, int | float) and not isinstance(value, bool):
                    wrong += [-1, -0.5]
                bad[size] += [problem.with_sizes(**{size: entry}) for entry in wrong]
        for size, problems in bad.items():
            for spoiled in problems:
                refused = family.check(spoiled)
                assert isinstance(refused, Refusal), f"accepted: {spoiled}"
                assert size in refused.reason or "nonsense" in refused.reason, refused


def test_a_pinned_peer_that_is_missing_fails_in_ci(require, monkeypatch):
    def absent(package):
        reason = Refusal(f"not installed: {package}.nn", f"pip install {package}")
        return SimpleNamespace(missing=lambda: reason)

    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"constraints\.txt pins e3nn_jax"):
        require(absent("e3nn_jax"))
    with pytest.raises(pytest.skip.Exception, match="not installed: a_package_nobody_has"):
        require(absent("a_package_nobody_has"))
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="not installed: e3nn_jax"):
        require(absent("e3nn_jax"))
    assert require(Implementation("gaunt", "mine", "numpy", lambda p, t, o: None)) is None
