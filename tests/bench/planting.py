"""An implementation that is wrong in one way, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.measuring import diagnosis
from bench.measuring.built_case import build
from bench.measuring.probes import probes
from bench.record.case import Case
from impls.implementation import MODES, Built, Target
from impls.registry import load


def planted(base, call):
    """Return a registry with an implementation that answers `call(honest, inputs, weights)`."""
    registry = load()
    honest = registry.implementation(base)

    def made(problem, target, options):
        built = honest.build(problem, target, options)
        pack = built.pack or (lambda inputs, weights: (inputs, weights))
        unpack = built.unpack or (lambda outputs: outputs)

        def canonical(inputs, weights):
            return unpack(built.call(*pack(inputs, weights)))

        return Built(lambda inputs, weights: call(canonical, inputs, weights))

    registry.add(replace(honest, name="planted", build=made), __file__)
    return registry, f"{honest.operation}.planted"


def opened(registry, name, problem, pass_="fwd"):
    """Return a built case of an implementation."""
    framework = registry.implementation(name).framework
    return build(Case(problem, name, pass_, MODES[framework][0], Target()), registry)


def failed(built):
    """Return the readings of the first gate that fails."""
    for name in ("error", "equiv", "conduct", "conduct.cached"):
        found = [r for r in probes()[name].measure(built) if r.passed is False]
        if found:
            return found
    pytest.fail("the planted fault passes the gate")


def said(base, call, problem, pass_="fwd"):
    """Return the diagnosis of a right implementation that is changed by `call`."""
    built = opened(*planted(base, call), problem, pass_)
    return diagnosis.diagnosed(built, failed(built))
