"""What an exception says: where in the implementation's file it was raised, and what may be meant.

Also an answer that is no dict of arrays, which fails far from where the fault is.
"""

from __future__ import annotations

import traceback
from dataclasses import replace
from pathlib import Path

from bench.measuring.built_case import build
from bench.measuring.diagnosis import forward
from bench.measuring.diagnosis.scene import scene as forward_scene
from bench.record.case import Case
from impls.near import alike
from impls.registry import Registry

STUMBLES = (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)
"""What is raised where an answer is read that has another form."""


def explained(error: Exception, case: Case, registry: Registry) -> str:
    """Return what is to be said of an exception beside its text; "" where nothing is."""
    meant = _meant(error, case, registry)
    return "; ".join(text for text in (_place(error, case, registry), meant) if text)


def form(error: Exception, case: Case, registry: Registry) -> str:
    """Return what is wrong with the form of an answer that made the harness stumble; "" if nothing.

    That it is no dict, has other names, or another shape: passes with gradients read it before a
    gate does.
    """
    if not isinstance(error, STUMBLES):
        return ""
    try:
        built = build(replace(case, pass_="fwd"), registry)
        answer = built.code.call(*built.arguments[:2])
        if isinstance(answer, dict):
            return forward.form(forward_scene(built))
    except Exception:
        return ""  # it fails by itself: then that is what is said
    names = ", ".join(f"{name!r}: ..." for name in built.output_spaces)
    kind = type(answer).__qualname__
    return f"the answer is a {kind}, not a dict: return {{{names}}}"


def _place(error: Exception, case: Case, registry: Registry) -> str:
    """Return the file and line of the implementation in which an exception was raised."""
    implementation = registry.implementation(case.implementation)
    origin = Path(registry.origin(implementation))
    frames = traceback.extract_tb(error.__traceback__)
    mine = [frame for frame in frames if Path(frame.filename).resolve() == origin.resolve()]
    return f"{origin.name}:{mine[-1].lineno}, in {mine[-1].name}" if mine else ""


def _meant(error: Exception, case: Case, registry: Registry) -> str:
    """Return which array may be meant by a name that there is none of."""
    if not (isinstance(error, KeyError) and error.args and isinstance(error.args[0], str)):
        return ""
    operation = registry.operation(registry.implementation(case.implementation).operation)
    inputs = list(operation.taken(registry.family(operation.family).inputs(case.seen)))
    weights = list(operation.weights(case.seen))
    near = alike(error.args[0], [*inputs, *weights])
    there = f"inputs are {', '.join(inputs)}" + (
        f", weights {', '.join(weights)}" if weights else ""
    )
    return f"{there}; {near}" if near else there
