"""What an oracle said is remembered; that hides no fault, and answers no other question."""

from dataclasses import replace

import numpy as np
import pytest

from bench.measuring.oracle_memory import OracleMemory, digest
from impls.registry import load

REGISTRY = load()
HONEST = "egnn_layer.torch_messages"


def of_half_a_weight(call, inputs, weights, problem):
    """The value is right; gradients of one array of weights are half of what they are."""
    name = max(weights, key=lambda name: weights[name].numel())
    w = weights[name]
    return call(inputs, {**weights, name: (w + w.detach()) / 2})


def of_other_weights(call, inputs, weights, problem):
    return call(inputs, {name: 1.001 * w for name, w in weights.items()})


def planted(spoiled):
    honest = REGISTRY.implementation(HONEST)

    def build(problem, target, options):
        built = honest.build(problem, target, options)
        return replace(built, call=lambda i, w: spoiled(built.call, i, w, problem))

    return replace(honest, name="fault", build=build)


@pytest.mark.parametrize(
    "spoiled, gate", [(of_half_a_weight, "error.grad"), (of_other_weights, "error.fwd")]
)
def test_a_wrong_implementation_after_a_right_one_fails(spoiled, gate, conformance_with):
    wrong = planted(spoiled)
    conformance = conformance_with(wrong)
    right = conformance.registry.implementation(HONEST)

    def found(implementation):
        cases = [case for case in conformance.cases(implementation) if case.pass_ == "grad"]
        return conformance.failures(implementation, cases)

    assert found(right) == []
    made = conformance.memory.made
    assert made and not conformance.memory.found
    assert any(gate in line for line in found(wrong))
    assert conformance.memory.found and conformance.memory.made == made
    assert found(right) == [], "what is wrong has left nothing behind"


def test_a_right_implementation_after_a_wrong_one_passes(conformance_with):
    wrong = planted(of_half_a_weight)
    conformance = conformance_with(wrong)
    right = conformance.registry.implementation(HONEST)
    case = next(case for case in conformance.cases(right) if case.pass_ == "grad")
    assert conformance.failures(wrong, [replace(case, implementation=wrong.full_name)])
    assert conformance.failures(right, [case]) == []


def test_another_oracle_is_asked_anew(conformance_with):
    """The same question, of an operation that says something else."""
    conformance = conformance_with()
    right = conformance.registry.implementation(HONEST)
    case = next(case for case in conformance.cases(right) if case.pass_ == "grad")
    assert conformance.failures(right, [case]) == []
    operation = conformance.registry.operation(right.operation)

    def other(problem, inputs, weights):
        moved = {name: 1.01 * w for name, w in weights.items()}
        return operation.oracle(problem, inputs, moved)

    conformance.registry.operations[operation.name] = replace(operation, oracle=other)
    assert any("error" in line for line in conformance.failures(right, [case]))


def test_what_is_kept_is_bounded_and_the_oldest_goes_first():
    memory = OracleMemory(most=2)
    for key in (1, 2, 1, 3):
        assert memory.of(key, lambda key=key: 10.0 * key) == 10.0 * key
    assert (memory.found, memory.made) == (1, 3)
    assert memory.of(1, lambda: np.nan) == 10.0
    assert memory.of(2, lambda: -1.0) == -1.0


def test_what_fails_is_not_kept():
    memory = OracleMemory()
    with pytest.raises(ZeroDivisionError):
        memory.of("key", lambda: 1 / 0)
    assert memory.of("key", lambda: 2.0) == 2.0


def test_a_digest_tells_names_shapes_kinds_numbers_and_groups_apart():
    a = np.arange(6.0)
    different = [
        ({"a": a},),
        ({"b": a},),
        ({"a": a.reshape(2, 3)},),
        ({"a": a.astype(np.int64)},),
        ({"a": a.astype(np.float32)},),
        ({"a": np.nextafter(a, 9)},),
        ({"a": a[:5]},),
        ({"a": a}, {}),
        ({}, {"a": a}),
        ({"a": a, "b": a},),
        ({"a": a[:3], "b": a[3:]},),
    ]
    assert len({digest(*groups) for groups in different}) == len(different)
    assert digest({"a": a, "b": a[::2]}) == digest({"b": a[::2].copy(), "a": a.copy()})
