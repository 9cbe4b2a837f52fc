"""How far an operation is from the one that it approximates: at its knobs, and gating nothing."""

from dataclasses import replace

import numpy as np
import pytest

from bench.measuring.built_case import build
from bench.measuring.probes import analyses, probes
from bench.record.case import Case
from impls.families.distances import ask
from impls.implementation import Target
from impls.registry import load

PROBE = probes()["approximates"]
ASKED = ask(6, batch=200, dtype="float64")


def readings(name, problem=ASKED, registry=None, **knobs):
    case = Case(problem, name, "fwd", "eager", Target(), knobs=knobs)
    return list(PROBE.measure(build(case, registry or load())))


def test_finer_knobs_are_nearer_and_none_of_them_fails():
    found = [readings("radial_spline.numpy_rows", knots=knots)[0] for knots in (16, 64)]
    assert [r.probe for r in found] == 2 * ["approximates.radial_network"]
    assert 0.5 > found[0].value > 10 * found[1].value > 1e-6
    assert all(r.passed is None for r in found)
    assert [r.detail["knobs"] for r in found] == [{"knots": 16}, {"knots": 64}]
    (row,) = analyses()["approximation"].read(
        [{"probe": found[0].probe, "value": found[0].value, "detail": found[0].detail}]
    )
    assert row == {"approximates": "radial_network", "error": found[0].value}


def test_it_is_the_implementation_that_is_compared():
    """One that is half of what it should be is half of the other away."""
    registry = load()
    honest = registry.implementation("radial_spline.numpy_rows")

    def halved(problem, target, options):
        built = honest.build(problem, target, options)
        return replace(built, call=lambda i, w: {"z": built.call(i, w)["z"] / 2})

    registry.implementations[honest.full_name] = replace(honest, build=halved)
    (found,) = readings(honest.full_name, registry=registry, knots=64)
    assert found.value == pytest.approx(0.5, abs=0.02)


def test_others_have_none_and_what_the_other_refuses_is_said():
    assert readings("radial_network.numpy_direct") == []
    registry = load()
    network = registry.operation("radial_network")
    registry.operations["radial_network"] = replace(
        network, supports=lambda problem: network.supports(problem.with_sizes(envelope="cosine"))
    )
    (found,) = readings("radial_spline.numpy_rows", registry=registry)
    assert found.value is None and "radial_network refuses it" in found.detail["unavailable"]
    registry.operations["radial_network"] = replace(
        network, oracle=lambda p, i, w: {"z": np.zeros((len(i["v"]), 6))}
    )
    (found,) = readings("radial_spline.numpy_rows", registry=registry)
    assert found.value is None and "identically zero" in found.detail["problem"]
