"""What is wrong with an output beside the oracle's: as a whole, in its parts, path by path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from bench.measuring.diagnosis import blocks
from bench.measuring.diagnosis.arguments import swapped as swapped_arrays
from bench.measuring.diagnosis.blocks import Block, Pairs
from bench.measuring.diagnosis.numbers import factor, near_one, said
from bench.measuring.diagnosis.scene import Scene
from impls.spaces import Array, Arrays

PAIRS = 64
"""Products of so many pairs of irreps, or fewer, are looked at one by one."""


def wrong_outputs(scene: Scene, limit: float) -> list[str]:
    """Return the outputs that are wrong."""
    return [
        name
        for name in scene.found
        if not scene.agrees(one(scene.found, name), one(scene.expected, name), limit)
    ]


def at_large(scene: Scene, limit: float) -> Iterator[str]:
    """Yield what explains whole outputs: one factor, swapped arrays, another normalisation."""
    swapped, wrong = swapped_arrays(scene), wrong_outputs(scene, limit)
    for name in wrong if len(wrong) == 1 else []:
        found, expected = scene.found[name], scene.expected[name]
        k = factor(found, expected, limit)
        if k is not None and not near_one(k):
            also = f", as if {swapped} were swapped" if swapped else ""
            yield f"{_of(scene, name)}every entry is {blocks.times(said(k, limit))}{also}"
    yield f"{swapped} are swapped" if swapped else ""
    for name in wrong if len(wrong) == 1 else []:
        parts = scene.blocks(name)
        pairs = blocks.pairs_of(scene.found[name], scene.expected[name], parts)
        text = blocks.by_degree(pairs, parts, limit)
        yield f"{_of(scene, name)}{text}" if text else ""


def in_parts(scene: Scene, limit: float) -> Iterator[str]:
    """Yield what explains the parts of an output: factors, order, signs."""
    wrong = wrong_outputs(scene, limit)
    for name in wrong if len(wrong) == 1 else []:
        found, expected, parts = scene.found[name], scene.expected[name], scene.blocks(name)
        pairs = blocks.pairs_of(found, expected, parts)
        for text in (
            blocks.factors(pairs, limit, _called(parts)),
            _by_irrep(found, expected, parts, limit),
            _by_axis(found, expected, limit),
            blocks.moved(found, expected, parts, limit),
            blocks.components(found, expected, parts, limit),
            blocks.permuted(found, expected, limit),
        ):
            yield f"{_of(scene, name)}{text}" if text else ""


def _of(scene: Scene, name: str) -> str:
    """Return the name of an output where there are several."""
    return f"{name}: " if len(scene.found) > 1 else ""


def one(arrays: Arrays, name: str) -> dict[str, Array]:
    """Return one of some arrays, by its name."""
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


def by_path(scene: Scene) -> Iterator[str]:
    """Yield which paths are off by factors where several end in one block: one pair at a time."""
    pairs = contributions(scene)
    if pairs:
        yield blocks.factors(pairs, scene.limit, "path")


def contributions(scene: Scene) -> dict[str, tuple[Array, Array]]:
    """Return what each path gives, found and expected, of products with several in one block.

    {} for what is no product of two inputs, has too many pairs, or a block for each path.
    """
    operation, problem = scene.built.operation, scene.built.problem
    if operation.coefficients is None or len(scene.spaces) > 1 or not scene.coupled:
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


def pairs_of(scene: Scene) -> Pairs:
    """Return the blocks of all outputs, found and expected."""
    several = len(scene.found) > 1
    return {
        f"{name} {label}".strip() if several or not label else label: pair
        for name, a in scene.found.items()
        for label, pair in blocks.pairs_of(a, scene.expected[name], scene.blocks(name)).items()
    }
