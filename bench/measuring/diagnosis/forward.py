"""Why a forward pass is wrong: one cause, found from output, oracle and a few more calls.

A cause is said when it was tried: what it explains agrees with the oracle within the tolerance of
the precision. Else what is off is said, and that no simple cause was found.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import permutations

import numpy as np

from bench.measuring.answers import norm, overwritten
from bench.measuring.diagnosis import blocks
from bench.measuring.diagnosis.arguments import independent, misread, rounded
from bench.measuring.diagnosis.numbers import listed
from bench.measuring.diagnosis.parts import (
    at_large,
    by_path,
    contributions,
    in_parts,
    one,
    pairs_of,
)
from bench.measuring.diagnosis.scene import Scene
from bench.measuring.diagnosis.seen import SEEN, coarser
from bench.measuring.tolerances import TOLERANCES
from impls.near import alike
from impls.spaces import Array, Space

SEARCH = 20.0
"""Seconds after which no other cause is tried."""
NONE = "no simple cause found"


@dataclass(frozen=True)
class Cause:
    """What is wrong in a sentence; `simple` where it was tried and explains everything.

    `paths` maps a path, or a block of an output, to relative errors: of "fwd", of "d/dx".
    """

    text: str
    simple: bool = True
    paths: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def cause(scene: Scene) -> Cause | None:
    """Return what is wrong; None where nothing is."""
    text = form(scene)
    if text:
        return Cause(text)
    if scene.agrees(scene.found, scene.expected, scene.limit):
        return None
    began, before = time.monotonic(), _overwrites(scene)
    for found in _searched(scene):
        if found:
            off = _off(scene)
            return Cause(before + found, paths=off if any(path in found for path in off) else {})
        if time.monotonic() - began > SEARCH:
            break
    text = f"{before}{NONE}: {_where(scene)}{_symmetry(scene)}"
    return Cause(text, simple=False, paths=_off(scene))


def _symmetry(scene: Scene) -> str:
    """Return whether the answer has the claimed symmetry all the same: then couplings are off."""
    built, rng = scene.built, np.random.default_rng([scene.built.problem.seed, 14])
    claimed = [name for name in built.operation.exact if name in built.group.subgroups]
    if built.align or built.mask or not claimed:
        return ""
    broken = [
        name
        for name in claimed
        if not built.asymmetry(built.group.subgroups[name].sample(rng, 2)).summary()["max"]
        <= 2 * scene.limit
    ]
    if broken:
        return f"; it is not equivariant under {listed(broken)}"
    return "; it is equivariant all the same: weights or coefficients are off, not components"


def _overwrites(scene: Scene) -> str:
    """Return which arrays the timed call overwrites, before anything else that is said."""
    scene.built.framework.wait(scene.built.run())
    changed = overwritten(scene.built)
    return f"the call overwrites its input {listed(changed)}; " if changed else ""


def form(scene: Scene) -> str:
    """Return what is wrong with the names and shapes of outputs."""
    found, expected = scene.outputs, scene.spaces
    missing = [name for name in expected if name not in found]
    unknown = [name for name in found if name not in expected]
    if missing:
        if len(missing) == len(unknown) == 1:
            return f"the output {missing[0]!r} is called {unknown[0]!r}"
        near = alike(unknown[0], missing) if unknown else ""
        there = f"; there is {listed(list(map(repr, unknown)))}" if unknown else ""
        return f"there is no output {listed(list(map(repr, missing)))}{there}. {near}".rstrip(". ")
    if unknown:
        kept = listed(list(map(repr, expected)))
        return f"there is an output {listed(list(map(repr, unknown)))} too many: return {kept} only"
    for name, space in expected.items():
        if found[name].shape != space.shape:
            return _shape(scene, name, found[name], space)
    return ""


def _shape(scene: Scene, name: str, a: Array, space: Space) -> str:
    """Return how an array of another shape becomes right, tried; or both shapes."""
    shapes = f"{name} has the shape {list(a.shape)}, not {list(space.shape)}"
    if len(scene.spaces) > 1 or a.size != np.prod(space.shape):
        return shapes
    expected = scene.expected[name]

    def right(tried: Array) -> bool:
        judged = scene.judged.found({name: tried})[name]
        return scene.agrees({name: judged}, {name: expected}, scene.limit)

    orders = permutations(range(a.ndim)) if a.ndim <= 4 else ()
    for order in orders:
        moved = a.transpose(order)
        if moved.shape == space.shape and right(moved):
            return f"{shapes}: its axes are transposed; transpose{order} makes it right"
    flat = a.reshape(space.shape)
    if right(flat):
        return f"{shapes}: reshaped it is right"
    for seen in SEEN:
        if seen.applies(space) and right(seen.read(space, flat)):
            return f"{shapes}: it is written {seen.text}"
    return shapes


def _searched(scene: Scene) -> Iterator[str]:
    """Yield what explains the output, or "" for each cause that does not."""
    yield _not_finite(scene)
    yield _noisy(scene)
    yield _nothing(scene)
    yield independent(scene)
    yield from at_large(scene, scene.limit)
    yield from misread(scene)
    yield from in_parts(scene, scene.limit)
    yield rounded(scene)
    yield from _digits(scene)
    yield from by_path(scene)


def _not_finite(scene: Scene) -> str:
    for name, a in scene.found.items():
        bad = ~np.isfinite(a)
        if not bad.any():
            continue
        what = "not a number" if np.isnan(a).any() else "infinite"
        count = int(np.count_nonzero(bad))
        right = np.where(bad, scene.expected[name], a)
        rest = blocks.errors({"": (right, scene.expected[name])})[""] <= scene.limit
        first = [int(n) for n in np.argwhere(bad)[0]]
        first[:1] = [int(scene.rows(name)[n]) for n in first[:1]]
        others = "; all others are right" if rest and count < a.size else ""
        return f"{name} is {what} in {count} of {a.size} entries, the first at {first}{others}"
    return ""


def _noisy(scene: Scene) -> str:
    again = scene.real(scene.judged.found(scene.call()))
    scale = norm(scene.found.values()) or 1.0
    apart = norm(again[name] - a for name, a in scene.found.items()) / scale
    if not apart <= scene.limit:
        return (
            f"two calls with equal arrays differ by {apart:.1e}: uninitialised memory, a race, "
            "random numbers, or a state that is kept"
        )
    return ""


def _nothing(scene: Scene) -> str:
    zero = [n for n, a in scene.found.items() if not np.any(a) and np.any(scene.expected[n])]
    return f"{listed(zero)} is zero everywhere" if zero else ""


def _digits(scene: Scene) -> Iterator[str]:
    """Yield whether outputs, or something inside, have fewer digits than they should."""
    scale = norm(scene.expected.values())
    apart = norm(scene.found[name] - a for name, a in scene.expected.items()) / scale
    for dtype, (rounding, shortened) in reversed(coarser(scene.built.problem.dtype).items()):
        if all(np.array_equal(a, shortened(a)) for a in scene.found.values()):
            if apart <= 100 * rounding:
                yield f"the output has the digits of {dtype} only"
            limit = TOLERANCES[dtype] if dtype in TOLERANCES else 1e-2
            for text in (*at_large(scene, limit), *in_parts(scene, limit)):
                yield f"{text}, and the output has the digits of {dtype} only" if text else ""
        if dtype == "float32" and apart <= 100 * rounding and _spread(scene, rounding):
            yield (
                "the error is as large as rounding to float32 makes it: look for a table, a "
                "constant or something on the way that has its digits only"
            )


def _spread(scene: Scene, rounding: float) -> bool:
    """Return whether blocks that are off are so in most entries, by no more than rounding makes."""
    for name, a in scene.expected.items():
        scale = norm([a]) / max(a.size, 1) ** 0.5
        apart = np.abs(scene.found[name] - a)
        off = apart > scene.limit * scale
        if np.max(apart, initial=0.0) > 1e3 * rounding * scale:
            return False
        shares = [float(np.mean(off[..., block.place])) for block in scene.blocks(name)]
        if any(0.0 < share < 0.5 for share in shares):
            return False
    return True


def _off(scene: Scene) -> dict[str, dict[str, float]]:
    """Return the relative error of each path, or each block of the outputs."""
    pairs = contributions(scene) or pairs_of(scene)
    return {name: {"fwd": error} for name, error in blocks.errors(pairs).items()}


def _where(scene: Scene) -> str:
    """Return what is off, as a fact, for each output."""
    texts = []
    for name, a in scene.found.items():
        if not scene.agrees(one(scene.found, name), one(scene.expected, name), scene.limit):
            axis = {"batch": "sample", "nodes": "node", "edges": "edge"}
            called = axis.get(scene.spaces[name].axis, scene.spaces[name].axis)
            text = blocks.where(
                a,
                scene.expected[name],
                scene.blocks(name),
                scene.limit,
                called,
                scene.rows(name),
            )
            texts.append(f"{name}: {text}")
    return "; ".join(texts)
