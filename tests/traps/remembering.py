"""Implementations of Clebsch-Gordan that are right, and look up what they have computed before."""

from __future__ import annotations

import numpy as np

from impls.implementation import Built, Implementation
from tests.fakes.honest import product


def _honest(problem, framework):
    return product(framework, problem)


def _last(problem, target, options):
    """The last contents alone are remembered."""
    right, held = _honest(problem, "numpy"), {}

    def call(inputs, weights):
        key = tuple(a.tobytes() for a in inputs.values())
        if key not in held:
            held.clear()
            held[key] = right(inputs, weights)
        return held[key]

    return Built(call)


def _version(problem, target, options):
    """Which tensors they are, and how often they were written to: no content is looked at."""
    right, held = _honest(problem, "torch"), {}

    def call(inputs, weights):
        key = tuple((id(a), a._version) for a in inputs.values())
        if key not in held:
            held.clear()
            held[key] = right(inputs, weights), inputs
        return held[key][0]

    return Built(call)


def _callback(problem, target, options):
    """A compiled call goes back to the host, which looks its arrays up."""
    import jax

    right, held = _honest(problem, "numpy"), {}
    space = problem_output(problem)

    def answer(x, y):
        x, y = np.asarray(x), np.asarray(y)
        key = x.tobytes(), y.tobytes()
        if key not in held:
            held[key] = right({"x": x, "y": y}, {})["z"]
        return held[key]

    def call(inputs, weights):
        shape = jax.ShapeDtypeStruct(space, inputs["x"].dtype)
        return {"z": jax.pure_callback(answer, shape, inputs["x"], inputs["y"])}

    return Built(call)


def problem_output(problem):
    from impls.registry import load as load_registry

    return load_registry().operation("clebsch_gordan").outputs(problem)["z"].shape


LAST = Implementation("clebsch_gordan", "trap_last_contents", "numpy", _last)
VERSION = Implementation("clebsch_gordan", "trap_known_version", "torch", _version)
CALLBACK = Implementation("clebsch_gordan", "trap_known_to_the_host", "jax", _callback)
