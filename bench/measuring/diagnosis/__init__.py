"""Why a case is wrong: one cause, one message, that was tried before it is said.

`diagnosed` looks at a built case of which a gate failed. It compares the output with the float64
oracle, asks the oracle what other arrays would give, and calls the implementation a few more times.
What is claimed (a factor, an order, swapped arguments) was undone, and the rest agreed within the
tolerance; else it says that no simple cause was found, and which outputs are off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bench.measuring.built_case import BuiltCase, build
from bench.measuring.diagnosis import forward, gradients
from bench.measuring.diagnosis.forward import NONE, Cause
from bench.measuring.diagnosis.scene import Scene
from bench.measuring.diagnosis.scene import scene as forward_scene
from bench.measuring.probes.remembered import cached
from bench.record.case import PASSES
from bench.record.rows import Reading
from impls.family import Part
from impls.operation import Pass

__all__ = ["NONE", "Cause", "diagnosed", "told"]

CONDUCT = {
    "conduct.strided": "arrays whose entries do not lie side by side in memory are misread: go "
    "by their strides, or copy them first",
    "conduct.permuted": "the answer changes with the order of the samples or edges: they are "
    "mixed, or what is done depends on the place",
    "conduct.outputs": "what is timed is not what is judged: with and without `pack` and `unpack` "
    "the answers differ",
}
"""What is wrong where these are, and the results of earlier calls are not kept."""
WHOLE = 2**20
"""Of larger inputs, no more than the gate took is compared with the oracle."""


def diagnosed(built: BuiltCase, failed: Sequence[Reading]) -> Cause | None:
    """Return the cause of what a gate found; None where the gate says it, or nothing is wrong."""
    probe = failed[0].probe
    if probe.startswith("error"):
        return _wrong(built)
    if "problem" in failed[0].detail:
        return None
    kept = [r.detail["problem"] for r in cached(built) if r.passed is False]
    if kept:
        return Cause(kept[0])
    if probe.startswith("equiv.") and built.case.pass_ == "fwd":
        return _moved(built, probe.removeprefix("equiv."))
    return Cause(CONDUCT[probe]) if probe in CONDUCT else None


def told(built: BuiltCase, failed: Sequence[Reading]) -> dict[str, Any] | None:
    """Return a diagnosis as plain data; what goes wrong in looking for one is said in its place.

    The code that is looked at has failed a gate already: it may fail here in any way.
    """
    try:
        cause = diagnosed(built, failed)
    except Exception as error:
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        return {"cause": f"{NONE}: looking for it ended in {text}", "simple": False}
    if cause is None:
        return None
    paths = {
        path: {of: error if np.isfinite(error) else None for of, error in errors.items()}
        for path, errors in cause.paths.items()
    }
    return {"cause": cause.text, "simple": cause.simple, "paths": paths}


def _wrong(built: BuiltCase) -> Cause | None:
    """Return what is wrong with the first pass that is: forward, gradient, second gradient."""
    scene = forward_scene(_as(built, "fwd"))
    cause = forward.cause(scene)
    if cause is None and _numbers(built) <= WHOLE:  # what is off is not among what the gate took
        cause = forward.cause(replace(scene, built=_whole(scene.built)))
    for pass_ in PASSES[1 : PASSES.index(built.case.pass_) + 1]:
        cause = cause or gradients.cause(_as(built, pass_), scene)
    return cause or Cause(f"{NONE}: passes built apart are right", simple=False)


def _as(built: BuiltCase, pass_: Pass) -> BuiltCase:
    """Return the same case in another pass, judged by the same samples."""
    if built.case.pass_ == pass_:
        return built
    return build(replace(built.case, pass_=pass_), built.registry, built.nonce)


def _numbers(built: BuiltCase) -> int:
    return sum(a.size for a in built.arrays().values())


def _whole(built: BuiltCase) -> BuiltCase:
    """Return the case with all of it to be judged."""
    return replace(built, part=Part(built.problem))


def _moved(built: BuiltCase, subgroup: str) -> Cause | None:
    """Return what is wrong with the arrays of a case after a group element moved them.

    They are as good as any, so that the oracle can be asked; with the arrays of the case it agreed.
    """
    if _numbers(built) > WHOLE or built.align or built.mask:
        return None
    whole = _whole(built)
    rng = np.random.default_rng([built.problem.seed, 13])
    for element in built.group.subgroups[subgroup].sample(rng, 4):
        spaces = built.input_spaces
        arrays = {name: spaces[name].act(element, a) for name, a in built.arrays().items()}
        inputs = {name: arrays[name] for name in built.inputs}
        weights = {name: arrays[name] for name in built.weights}
        cause = forward.cause(Scene(whole, inputs, weights))
        if cause is not None:
            return replace(
                cause, text=f"right on the arrays as drawn, not when moved: {cause.text}"
            )
    return None
