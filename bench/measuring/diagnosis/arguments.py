"""What an implementation computes of other arrays than those given: swapped, misread, ignored.

Some is told by the oracle, which is asked what such arrays would give; some by calling again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np

from bench.measuring.diagnosis.numbers import listed
from bench.measuring.diagnosis.scene import Scene
from bench.measuring.diagnosis.seen import SEEN, Change, axes_swapped, coarser
from impls.spaces import Array, Arrays, Space
from impls.streams import Streams


def redrawn(scene: Scene, names: Iterable[str]) -> dict[str, Array]:
    """Return other arrays of these names; what is not drawn at random is stretched."""
    streams = Streams(scene.built.problem.seed, 11)
    new: dict[str, Array] = {}
    for name in names:
        space, old = scene.judged_space(name), {**scene.inputs, **scene.weights}[name]
        drawn = space.sample(streams(name))
        fixed = drawn.shape == old.shape and np.allclose(drawn, old, rtol=0.02, atol=0.02)
        new[name] = 1.5 * old if fixed else drawn
    return new


def independent(scene: Scene) -> str:
    """Return which arrays, redrawn, change the oracle and not the output."""
    names = list(scene.real_arrays)
    if len(names) > 1 and _ignores(scene, names):
        return (
            "the output does not depend on any array: it is a constant, or the result of an "
            "earlier call that was kept"
        )
    ignored = [name for name in names if _ignores(scene, [name])]
    return f"the output does not depend on {listed(ignored)}" if ignored else ""


def _ignores(scene: Scene, names: Iterable[str]) -> bool:
    new = redrawn(scene, names)
    other = scene.real(scene.judged.found(scene.call(new)))
    if not scene.agrees(other, scene.found, min(scene.limit, 1e-6)):
        return False
    inputs = {name: new.get(name, a) for name, a in scene.inputs.items()}
    weights = {name: new.get(name, a) for name, a in scene.weights.items()}
    every = Scene(scene.built, inputs, weights)
    return not scene.agrees(every.expected, scene.expected, min(100 * scene.limit, 0.1))


def swapped(scene: Scene) -> str:
    """Return which two arrays the implementation takes for each other."""
    every = {**scene.judged.inputs, **scene.judged.weights}
    for first, second in combinations(every, 2):
        a, b = every[first], every[second]
        if a.shape == b.shape and a.dtype.kind == b.dtype.kind:
            changed = scene.oracle({first: b, second: a})
            if scene.agrees(scene.found, changed, scene.limit):
                return f"{first} and {second}"
    return ""


def misread(scene: Scene) -> Iterator[str]:
    """Yield which arrays are read, and outputs written, in another way than they should be."""
    for name, a in scene.real_arrays.items():
        yield _if(scene, {name: -a}, f"{name} is read with the opposite sign")
    for name, a in scene.judged.weights.items():
        for axes, other in axes_swapped(a):
            yield _if(scene, {name: other}, f"{name} is read with its {axes} swapped")
    inputs = {n: a for n, a in scene.judged.inputs.items() if n in scene.real_arrays}
    for seen in SEEN:
        changed = {
            name: seen.read(scene.judged_space(name), a)
            for name, a in inputs.items()
            if _applies(seen.applies, scene.judged_space(name), a)
        }
        if scene.agrees(scene.found, _written(scene, seen.write, scene.expected), scene.limit):
            yield f"{listed(list(scene.found))} is written {seen.text}"
        if not changed:
            continue
        for name, a in changed.items():
            yield _if(scene, {name: a}, f"{name} is read {seen.text}")
        yield _if(scene, changed, f"{' and '.join(changed)} are read {seen.text}")
        written = _written(scene, seen.write, scene.oracle(changed))
        if scene.agrees(scene.found, written, scene.limit):
            yield f"{' and '.join(changed)} are read, and outputs written, {seen.text}"


def _applies(applies: object, space: Space, a: Array) -> bool:
    return bool(callable(applies) and applies(replace(space, shape=a.shape)))


def _written(scene: Scene, write: Change, outputs: Arrays) -> dict[str, Array]:
    return {
        name: write(scene.spaces[name], a) if scene.spaces[name].irreps and (a.ndim == 3) else a
        for name, a in outputs.items()
    }


def _if(scene: Scene, changed: Arrays, text: str) -> str:
    return text if scene.agrees(scene.found, scene.oracle(changed), scene.limit) else ""


def rounded(scene: Scene) -> str:
    """Return which arrays can be rounded without that the output changes, though it should.

    What is wrong beside it must be no more than such rounding makes.
    """
    every = {n: a for n, a in {**scene.inputs, **scene.weights}.items() if n in scene.real_arrays}
    for dtype, (rounding, shortened) in coarser(scene.built.problem.dtype).items():
        if not scene.agrees(scene.found, scene.expected, 100 * rounding):
            continue
        short = [name for name, a in every.items() if _unread(scene, name, shortened(a))]
        if short:
            verb = "are" if len(short) > 1 else "is"
            return f"{' and '.join(short)} {verb} rounded to {dtype}"
    return ""


def _unread(scene: Scene, name: str, shortened: Array) -> bool:
    """Return whether an array can be another without that the output changes by a digit."""
    if np.array_equal(shortened, {**scene.inputs, **scene.weights}[name]):
        return False
    other = scene.real(scene.judged.found(scene.call({name: shortened})))
    return all(np.array_equal(a, scene.found[key]) for key, a in other.items())
