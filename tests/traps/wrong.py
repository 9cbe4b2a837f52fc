"""NumPy implementations of Clebsch-Gordan whose results are wrong; the gate must say how."""

from __future__ import annotations

import threading

import numpy as np

from impls.implementation import Built, Implementation
from tests.fakes.honest import product


def spoiled(name, spoil):
    """Declare an implementation that answers `spoil(inputs, right answer)`; one state a build."""

    def build(problem, target, options):
        honest = product("numpy", problem, target)
        state = {}

        def call(inputs, weights):
            return spoil(inputs, honest(inputs, weights)["z"], state)

        return Built(call)

    return Implementation("clebsch_gordan", f"trap_{name}", "numpy", build)


def _normalisation(inputs, z, state):
    """Another convention: Clebsch-Gordan of unit norm instead of `component`."""
    return {"z": z / np.sqrt(3.0)}


def _slightly(inputs, z, state):
    """The largest entry of one sample is off in the seventh digit: more than float64 allows."""
    z = z.copy()
    z[3].flat[np.argmax(np.abs(z[3]))] *= 1 + 1e-7
    return {"z": z}


def _nan(inputs, z, state):
    z = z.copy()
    z[0, 0, 0] = np.nan
    return {"z": z}


def _zero(inputs, z, state):
    return {"z": np.zeros_like(z)}


def _shape(inputs, z, state):
    return {"z": z[..., :-1]}


def _broadcasts(inputs, z, state):
    """A shape that would pass every comparison by broadcasting."""
    return {"z": z[None]}


def _name(inputs, z, state):
    return {"result": z}


def _extra(inputs, z, state):
    return {"z": z, "debug": z}


def _order(inputs, z, state):
    """Right numbers in another order."""
    return {"z": z[..., ::-1].copy()}


def _only_first(inputs, z, state):
    """Right for the arrays that it sees first, not equivariant on any others."""
    first = state.setdefault("x", inputs["x"].copy())
    same = np.array_equal(first, inputs["x"])
    return {"z": z if same else z + 1e-3 * np.abs(z)}


def _handed(inputs, z, state):
    """Rotates as it should; a mirrored scene comes out larger.

    The determinant of three vectors of the batch is a pseudoscalar: only inversion flips it. The
    drawn arrays are answered rightly, whatever their sign.
    """
    sign = np.sign(np.linalg.det(inputs["x"][:3, 0, 1:4]))
    return {"z": z if sign == state.setdefault("sign", sign) else 1.01 * z}


def _remembers(inputs, z, state):
    """Answers with its first result for ever."""
    return {"z": state.setdefault("z", z)}


NORMALISATION = spoiled("normalisation", _normalisation)
SLIGHTLY = spoiled("slightly", _slightly)
NAN = spoiled("nan", _nan)
ZERO = spoiled("zero", _zero)
SHAPE = spoiled("shape", _shape)
BROADCASTS = spoiled("broadcasts", _broadcasts)
NAME = spoiled("name", _name)
EXTRA = spoiled("extra", _extra)
ORDER = spoiled("order", _order)
ONLY_FIRST = spoiled("only_first", _only_first)
HANDED = spoiled("handed", _handed)
REMEMBERS = spoiled("remembers", _remembers)


def _by_identity(inputs, z, state):
    """Right on every new array; for the arrays that it knows it answers from memory."""
    key = tuple(id(a) for a in inputs.values())
    held = state.setdefault("held", {})
    if key not in held:
        held[key] = z, tuple(inputs.values())
    return {"z": held[key][0]}


def _single(inputs, z, state):
    """Wrong only in single precision: a constant that was rounded to four digits."""
    return {"z": z if z.dtype == np.float64 else z * np.float32(1.0003)}


def _late(inputs, z, state):
    """Returns before it has finished: a thread fills in the answer."""
    answer = np.zeros_like(z)
    threading.Timer(1.0, lambda: np.copyto(answer, z)).start()
    return {"z": answer}


def _mutates(inputs, z, state):
    """Use an input as scratch after reading it: right, but the caller's array is gone."""
    inputs["x"] *= 1.5
    return {"z": z}


MUTATES = spoiled("mutates", _mutates)
BY_IDENTITY = spoiled("by_identity", _by_identity)
SINGLE = spoiled("single", _single)
LATE = spoiled("late", _late)
