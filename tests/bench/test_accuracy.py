"""What is right for numbers of the usual size is right for others: a product scales exactly."""

from __future__ import annotations

import numpy as np
import pytest

from bench.measuring.built_case import build
from bench.measuring.probes import probes
from bench.record.case import Case
from impls.families.product import problem
from impls.implementation import Target
from impls.registry import load
from tests.bench.planting import planted

CG = "clebsch_gordan.numpy_dense"
ASKED = problem("mimo", 1, batch=16, dtype="float64")


def failed(registry, name, probe="accuracy"):
    """Return which readings of a probe fail."""
    built = build(Case(ASKED, name, "fwd", "eager", Target()), registry)
    return {r.probe for r in probes()[probe].measure(built) if r.passed is False}


def clipped(at):
    return lambda honest, i, w: honest({n: np.clip(a, -at, at) for n, a in i.items()}, w)


def floored(honest, inputs, weights):
    """A sum with a constant that is nothing beside numbers of the usual size."""
    return {"z": honest(inputs, weights)["z"] + 1e-12}


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        (clipped(8.0), {"accuracy.10", "accuracy.100", "accuracy.1000"}),
        (clipped(80.0), {"accuracy.100", "accuracy.1000"}),
        (floored, {"accuracy.0.001", "accuracy.0.01", "accuracy.0.1"}),
    ],
    ids=["ten", "hundred", "small"],
)
def test_what_the_gate_lets_pass_is_wrong_at_another_magnitude(call, wrong):
    made = planted(CG, call)
    assert failed(*made, "error") == set()
    assert failed(*made) == wrong


def test_what_scales_is_right_at_all():
    assert failed(load(), CG) == set()
