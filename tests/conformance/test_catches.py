"""Faults planted in right implementations are caught, each by the gate that is there for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from impls.implementation import Built, Implementation
from impls.registry import load

REGISTRY = load()
Call = Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any]]


def spoiled(name: str, spoil: Callable[[Call], Call]) -> Implementation:
    """Return an implementation whose call is that of another, spoiled."""
    honest = REGISTRY.implementation(name)

    def build(problem, target, options):
        built = honest.build(problem, target, options)
        return Built(spoil(built.call), built.pack, built.unpack)

    return replace(honest, name=f"{honest.framework}_spoiled", build=build, baseline=False)


def one_entry(factor: float) -> Callable[[Call], Call]:
    """Scale the last output component: one path of the product."""

    def spoil(call):
        def wrong(inputs, weights):
            z = call(inputs, weights)["z"]
            scale = np.where(np.arange(z.shape[-1]) == z.shape[-1] - 1, factor, 1.0)
            return {"z": z * scale.astype(z.dtype)}

        return wrong

    return spoil


def swapped(call: Call) -> Call:
    return lambda inputs, weights: call({**inputs, "x": inputs["y"], "y": inputs["x"]}, weights)


def broken_parity(call: Call) -> Call:
    """Add something even to an odd function."""

    def wrong(inputs, weights):
        z = call(inputs, weights)["z"]
        return {"z": z + 1e-3 * (inputs["x"] ** 2).sum(-1, keepdims=True).astype(z.dtype)}

    return wrong


def detached(call: Call) -> Call:
    return lambda inputs, weights: call({**inputs, "y": inputs["y"].detach()}, weights)


def double_only(call: Call) -> Call:
    """Be right in double precision, and lose digits in single."""

    def wrong(inputs, weights):
        z = call(inputs, weights)["z"]
        return {"z": z if z.dtype == np.float64 else np.round(z, 3)}

    return wrong


def random(call: Call) -> Call:
    rng = np.random.default_rng()

    def wrong(inputs, weights):
        z = call(inputs, weights)["z"]
        return {"z": z * (1 + 1e-3 * rng.standard_normal())}

    return wrong


def overwriting(call: Call) -> Call:
    def wrong(inputs, weights):
        z = call(inputs, weights)["z"]
        inputs["x"] *= 2
        return {"z": z}

    return wrong


def remembered_order(call: Call) -> Call:
    """Take the receivers of the first call for those of every call, as a sorted list would."""
    seen: list[Any] = []

    def wrong(inputs, weights):
        seen.append(inputs["dst"].copy())
        return call({**inputs, "dst": seen[0]}, weights)

    return wrong


def labelled(call: Call) -> Call:
    """Let node 0 count more than the others."""

    def wrong(inputs, weights):
        x = inputs["x"].copy()
        x[0] *= 1.5 if inputs["dst"][0] else 1.0
        return call({**inputs, "x": x}, weights)

    return wrong


FULL, POINTS = "clebsch_gordan.numpy_dense", "channelwise.numpy_dense"
FAULTS = {
    "scaled path": (FULL, one_entry(1.01), "error.fwd"),
    "sign of a path": (FULL, one_entry(-1.0), "error.fwd"),
    "swapped operands": (FULL, swapped, "error.fwd"),
    "broken parity": (FULL, broken_parity, "equiv."),
    "dropped gradient": ("clebsch_gordan.torch_dense", detached, "error.grad"),
    "double precision only": (FULL, double_only, "float32 fwd: error.fwd"),
    "random": (FULL, random, "conduct.deterministic"),
    "overwritten input": (FULL, overwriting, "conduct.inputs_unchanged"),
    "order of edges": (POINTS, remembered_order, "conduct.edge_order"),
    "labels of nodes": (POINTS, labelled, "equiv.permutation"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault, conformance_with):
    name, spoil, gate = FAULTS[fault]
    planted = spoiled(name, spoil)
    tried = conformance_with(planted)
    problem = tried.examples(planted.operation)[-1]  # the largest: no path or label is special
    cases = [
        tried.case(planted, problem, pass_, dtype)
        for pass_ in (("fwd", "grad") if planted.framework == "torch" else ("fwd",))
        for dtype in ("float64", "float32")
    ]
    found = tried.failures(planted, cases)
    assert any(gate in line for line in found), found


@pytest.mark.parametrize("name", sorted({name for name, _, _ in FAULTS.values()}))
def test_the_same_without_a_fault_passes(name, conformance_with):
    honest = spoiled(name, lambda call: call)
    tried = conformance_with(honest)
    problem = tried.examples(honest.operation)[0]
    assert tried.failures(honest, [tried.case(honest, problem)]) == []
