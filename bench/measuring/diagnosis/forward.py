"""Why a forward pass is wrong: one cause, found from output, oracle and a few more calls.

A cause is said when it was tried: what it explains agrees with the oracle within the tolerance of
the precision. Else what is off is said, and that no simple cause was found.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations, permutations

import numpy as np

from bench.measuring.built_case import overwritten
from bench.measuring.diagnosis import blocks
from bench.measuring.diagnosis.blocks import Block, Pairs
from bench.measuring.diagnosis.numbers import factor, listed, near_one, norm, said
from bench.measuring.diagnosis.scene import Scene
from bench.measuring.diagnosis.seen import SEEN, Change, axes_swapped, coarser
from bench.measuring.tolerances import TOLERANCES
from impls.near import alike
from impls.spaces import Array, Arrays, Space
from impls.streams import Streams

SEARCH = 20.0
"""Seconds after which no other cause is tried."""
PAIRS = 64
"""Products of so many pairs of irreps, or fewer, are looked at one by one."""
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
    text = _form(scene)
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
    return Cause(f"{before}{NONE}: {_where(scene)}", simple=False, paths=_off(scene))


def _overwrites(scene: Scene) -> str:
    """Return which arrays the timed call overwrites, before anything else that is said."""
    changed = overwritten(scene.built)
    return f"the call overwrites its input {listed(changed)}; " if changed else ""


def _form(scene: Scene) -> str:
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
    yield _independent(scene)
    yield from _compared(scene, scene.limit)
    yield from _other_arguments(scene)
    yield _digits_of_inputs(scene)
    yield from _digits(scene)
    yield from _by_path(scene)


def _not_finite(scene: Scene) -> str:
    for name, a in scene.found.items():
        bad = ~np.isfinite(a)
        if not bad.any():
            continue
        what = "NaN" if np.isnan(a).any() else "infinite"
        count = int(np.count_nonzero(bad))
        right = np.where(bad, scene.expected[name], a)
        rest = blocks.errors({"": (right, scene.expected[name])})[""] <= scene.limit
        first = [int(n) for n in np.argwhere(bad)[0]]
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
    zero = [name for name, a in scene.found.items() if not np.any(a)]
    return f"{listed(zero)} is zero everywhere" if zero else ""


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


def _independent(scene: Scene) -> str:
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
    every = Scene(scene.built, {**scene.inputs, **_of(new, scene.inputs)},
                  {**scene.weights, **_of(new, scene.weights)})  # fmt: skip
    return not scene.agrees(every.expected, scene.expected, 100 * scene.limit)


def _of(new: Arrays, known: Arrays) -> dict[str, Array]:
    return {name: a for name, a in new.items() if name in known}


def _compared(scene: Scene, limit: float) -> Iterator[str]:
    """Yield what the outputs alone say beside the oracle's: factors, order, signs."""
    names = list(scene.found)
    wrong = [n for n in names if not scene.agrees(_one(scene.found, n), _one(scene.expected, n),
                                                  limit)]  # fmt: skip
    for name in wrong[:1] if len(wrong) == 1 else []:
        found, expected, parts = scene.found[name], scene.expected[name], scene.blocks(name)
        pairs = blocks.pairs_of(found, expected, parts)
        of = f"{name}: " if len(names) > 1 else ""
        swapped = _swapped(scene)
        k = factor(found, expected, limit)
        if k is not None and not near_one(k):
            also = f", as if {swapped} were swapped" if swapped else ""
            yield f"{of}every entry is {blocks.times(said(k, limit))}{also}"
        yield f"{swapped} are swapped" if swapped else ""
        for text in (
            blocks.by_degree(pairs, parts, limit),
            blocks.factors(pairs, limit, _called(parts)),
            _by_irrep(found, expected, parts, limit),
            _by_axis(found, expected, limit),
            blocks.moved(found, expected, parts, limit),
            blocks.components(found, expected, parts, limit),
            blocks.permuted(found, expected, limit),
        ):
            yield f"{of}{text}" if text else ""
    yield ""


def _one(arrays: Arrays, name: str) -> dict[str, Array]:
    return {name: arrays[name]}


def _called(parts: Iterable[Block]) -> str:
    return "path" if all(block.label.startswith("(") for block in parts) else "block"


def _by_irrep(found: Array, expected: Array, parts: Iterable[Block], limit: float) -> str:
    """Return the factors of all blocks of an irrep together."""
    places: dict[str, list[int]] = {}
    for block in parts:
        start, stop, _ = block.place.indices(found.shape[-1])
        places.setdefault(str(block.irrep), []).extend(range(start, stop))
    if len(places) < 2:
        return ""
    return blocks.factors(
        {label: (found[..., where], expected[..., where]) for label, where in places.items()},
        limit,
        "irrep",
    )


def _by_axis(found: Array, expected: Array, limit: float) -> str:
    """Return the factors of channels, where they share few."""
    if found.ndim != 3 or not 1 < found.shape[1] <= 64:
        return ""
    pairs = {str(n): (found[:, n], expected[:, n]) for n in range(found.shape[1])}
    return blocks.factors(pairs, limit, "channel")


def _swapped(scene: Scene) -> str:
    """Return which two arrays the implementation takes for each other."""
    every = {**scene.judged.inputs, **scene.judged.weights}
    for first, second in combinations(every, 2):
        a, b = every[first], every[second]
        if a.shape == b.shape and a.dtype.kind == b.dtype.kind:
            changed = scene.oracle({first: b, second: a})
            if scene.agrees(scene.found, changed, scene.limit):
                return f"{first} and {second}"
    return ""


def _other_arguments(scene: Scene) -> Iterator[str]:
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


def _digits_of_inputs(scene: Scene) -> str:
    """Return which arrays can be rounded without that the output changes, though it should."""
    every = {n: a for n, a in {**scene.inputs, **scene.weights}.items() if n in scene.real_arrays}
    for dtype, (_, rounded) in coarser(scene.built.problem.dtype).items():
        short = [name for name, a in every.items() if _unread(scene, {name: rounded(a)})]
        if short:
            verb = "are" if len(short) > 1 else "is"
            return f"{' and '.join(short)} {verb} rounded to {dtype}"
    return ""


def _unread(scene: Scene, changed: Arrays) -> bool:
    other = scene.real(scene.judged.found(scene.call(changed)))
    moved = any(
        not np.array_equal(a, {**scene.inputs, **scene.weights}[name])
        for name, a in changed.items()
    )
    return moved and all(np.array_equal(a, scene.found[name]) for name, a in other.items())


def _digits(scene: Scene) -> Iterator[str]:
    """Yield whether outputs, or something inside, have fewer digits than they should."""
    scale = norm(scene.expected.values())
    apart = norm(scene.found[name] - a for name, a in scene.expected.items()) / scale
    for dtype, (rounding, rounded) in reversed(coarser(scene.built.problem.dtype).items()):
        if all(np.array_equal(a, rounded(a)) for a in scene.found.values()):
            if apart <= 100 * rounding:
                yield f"the output has the digits of {dtype} only"
            limit = TOLERANCES[dtype] if dtype in TOLERANCES else 1e-2
            for text in _compared(scene, limit):
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


def _by_path(scene: Scene) -> Iterator[str]:
    """Yield which paths are off by factors where several end in one block: one pair at a time."""
    pairs = contributions(scene)
    if pairs:
        yield blocks.factors(pairs, scene.limit, "path")


def contributions(scene: Scene) -> dict[str, tuple[Array, Array]]:
    """Return what each path gives, found and expected, of products with several in one block.

    {} for what is no product of two inputs, has too many pairs, or a block for each path.
    """
    operation, problem = scene.built.operation, scene.built.problem
    if operation.coefficients is None or len(scene.spaces) > 1:
        return {}
    paths = list(operation.coefficients(problem))
    first, second = scene.factors()
    couples = {path[:2] for path in paths}
    if len({path[2] for path in paths}) == len(paths) or len(couples) > PAIRS:
        return {}
    name = next(iter(scene.spaces))
    out = blocks.blocks_of(scene.spaces[name].irreps)
    pairs = {}
    for one, two in sorted(couples):
        kept = {first: one, second: two}
        changed = {n: _only(scene, n, {**scene.inputs}[n], block) for n, block in kept.items()}
        found = scene.judged.found(scene.call(changed))[name]
        cut = {n: _only(scene, n, scene.judged.inputs[n], block) for n, block in kept.items()}
        expected = scene.oracle(cut)[name]
        for path in paths:
            if path[:2] == (one, two):
                place = out[path[2]].place
                pairs[scene.path(path)] = found[..., place], expected[..., place]
    return pairs


def _only(scene: Scene, name: str, a: Array, block: int) -> Array:
    """Return an array with one of its blocks, and zeros else."""
    kept = np.zeros_like(a)
    place = blocks.blocks_of(scene.judged_space(name).irreps)[block].place
    kept[..., place] = a[..., place]
    return kept


def _pairs(scene: Scene) -> Pairs:
    several = len(scene.found) > 1
    return {
        f"{name} {label}".strip() if several or not label else label: pair
        for name, a in scene.found.items()
        for label, pair in blocks.pairs_of(a, scene.expected[name], scene.blocks(name)).items()
    }


def _off(scene: Scene) -> dict[str, dict[str, float]]:
    """Return the relative error of each path, or each block of the outputs."""
    pairs = contributions(scene) or _pairs(scene)
    return {name: {"fwd": error} for name, error in blocks.errors(pairs).items()}


def _where(scene: Scene) -> str:
    """Return what is off, as a fact, for each output."""
    texts = []
    for name, a in scene.found.items():
        if not scene.agrees(_one(scene.found, name), _one(scene.expected, name), scene.limit):
            axis = {"batch": "sample", "nodes": "node", "edges": "edge"}
            called = axis.get(scene.spaces[name].axis, scene.spaces[name].axis)
            text = blocks.where(a, scene.expected[name], scene.blocks(name), scene.limit, called)
            texts.append(f"{name}: {text}")
    return "; ".join(texts)
