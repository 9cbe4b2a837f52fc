"""Family `parts`: bodies of rigid parts, of which the pose of each part, or what it is, is asked.

r: [batch, parts, points, 3]         positions of the points of each part
h: [batch, parts, points, channels]  features of points, standard normal, that no motion changes

Which point belongs to which part is given: a segmentation is another question. Each part is moved
by a rotation and a translation of its own, and its points are permuted: the group is SE(3) for each
part, times the permutations of the points. Named apart are the rotations of a tetrahedron (12) and
of an icosahedron (60), again of each part its own. An element is {"parts": [[R, t], [0, 1]] of each
part [parts, 4, 4], "points": permutation}; it moves a pose R [3, 3] of a part to g R.

Each part is a cloud of the family `cloud`, "separated": its principal axes are well defined, and so
are the signs of its third moments along them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from impls.families import cloud
from impls.family import Family, checked
from impls.groups import Element, Group, direct_product, euclidean, finite, rotations, symmetric
from impls.problem import Problem, Scalar, Size
from impls.sizes import Sizes, size
from impls.spaces import Array, Arrays, Space
from impls.streams import Streams

FINITE = {"tetrahedral": 12, "icosahedral": 60}
"""Finite groups of rotations that are named apart, with their orders; the first in the second."""


@dataclass(frozen=True)
class PartsSizes(Sizes):
    """Four points of a part at least: fewer lie in a plane."""

    parts: int = size()
    points: int = size(least=4)
    channels: int = size()
    batch: int = size()


def ask(
    parts: int = 8,
    points: int = 16,
    *,
    channels: int = 16,
    batch: int = 25,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    seed: int = 0,
) -> Problem:
    """Return the question for bodies of so many parts of so many points."""
    sizes: dict[str, Size] = {
        "parts": parts,
        "points": points,
        "channels": channels,
        "batch": batch,
    }
    return Problem("parts", sizes, dtype=dtype, data="separated", seed=seed)


def shape_of(problem: Problem) -> tuple[int, int, int, int]:
    """Return [batch, parts, points, channels], the shape of h."""
    sizes = PartsSizes.of(problem)
    return sizes.batch, sizes.parts, sizes.points, sizes.channels


def _turns(g: Element) -> Array:
    return np.asarray(g["parts"][:, :3, :3])


def _relabelled(g: Element, a: Array) -> Array:
    moved = np.empty_like(a)
    moved[:, :, g["points"]] = a
    return moved


def _positions(problem: Problem) -> Space:
    def turned(g: Element, a: Array) -> Array:
        return _relabelled(g, a @ _turns(g).swapaxes(1, 2))

    def act(g: Element, a: Array) -> Array:
        return turned(g, a) + g["parts"][:, None, :3, 3]

    return Space((*shape_of(problem)[:3], 3), act, dual=turned, axis="batch")


def pose_space(problem: Problem) -> Space:
    """Return the Space [batch, parts, 3, 3] of the rotation of each part."""

    def act(g: Element, a: Array) -> Array:
        return np.asarray(_turns(g) @ a)

    return Space((*shape_of(problem)[:2], 3, 3), act, axis="batch")


def invariant_space(problem: Problem) -> Space:
    """Return the Space [batch, parts, channels] of what no motion of a part changes."""
    batch, parts, _, channels = shape_of(problem)
    return Space((batch, parts, channels), axis="batch")


def _finite(order: int) -> Group:
    """Return a finite group of rotations, as matrices [4, 4]."""
    every = np.tile(np.eye(4), (order, 1, 1))
    every[:, :3, :3] = finite.rotations(order)

    def sample(rng: np.random.Generator, n: int) -> list[Element]:
        return list(every[rng.integers(order, size=n)])

    return Group(f"{order} rotations", np.eye(4), sample, np.matmul, np.linalg.inv)


def _each(count: int, one: Group) -> Group:
    """Return the group in which each part is moved by an element of its own.

    Along a generator all parts move alike.
    """

    def sample(rng: np.random.Generator, n: int) -> list[Element]:
        return [np.stack(one.sample(rng, count)) for _ in range(n)]

    def alike(along: Callable[[float], Element], t: float) -> Element:
        return np.stack([along(t)] * count)

    generators = {name: partial(alike, along) for name, along in one.generators.items()}
    identity = np.stack([np.eye(4)] * count)
    named = f"({one.name})^{count}"
    return Group(named, identity, sample, np.matmul, np.linalg.inv, {}, generators)


def _group(problem: Problem) -> Group:
    _, parts, points, _ = shape_of(problem)
    moved = euclidean(rotations())
    named = {**moved.subgroups, **{name: _finite(order) for name, order in FINITE.items()}}
    every = _each(parts, moved)
    subgroups = {name: _each(parts, group) for name, group in named.items()}
    return direct_product(
        parts=Group(
            every.name,
            every.identity,
            every.sample,
            every.mul,
            every.inv,
            subgroups,
            every.generators,
        ),
        points=symmetric(points),
    )


def _inputs(problem: Problem) -> Mapping[str, Space]:
    return {"r": _positions(problem), "h": Space(shape_of(problem), _relabelled, axis="batch")}


def _draw(problem: Problem, streams: Streams) -> Arrays:
    batch, parts, points, channels = shape_of(problem)
    clouds = cloud.ask(points, channels=channels, batch=batch * parts, dtype="float64")
    drawn = cloud.FAMILY.draw(clouds, streams)
    return {name: drawn[name].reshape(batch, parts, points, -1) for name in ("r", "h")}


def _facets(problem: Problem) -> Mapping[str, Scalar]:
    batch, parts, points, channels = shape_of(problem)
    return {"parts": parts, "points": points, "channels": channels, "batch": batch}


def _single(problem: Problem) -> Problem:
    return problem.with_sizes(batch=1)


EXAMPLES = (
    ask(2, 5, channels=4, batch=6, dtype="float64"),
    ask(1, 6, channels=8, batch=8, dtype="float64"),
)


def _hard() -> tuple[Problem, ...]:
    """Return one part, one body, the fewest points, and sizes that fill no lane."""
    counts = ((1, 4, 1, 1), (1, 4, 1, 33), (3, 33, 5, 2))
    return tuple(
        ask(parts, points, channels=channels, batch=batch, dtype="float64")
        for parts, points, channels, batch in counts
    )


FAMILY = Family(
    name="parts",
    title="rigid parts of bodies",
    sizes=PartsSizes,
    ask=ask,
    check=checked(PartsSizes, ("separated",)),
    group=_group,
    inputs=_inputs,
    draw=_draw,
    facets=_facets,
    axes=("parts", "points", "channels", "batch"),
    labels={
        "parts": "parts",
        "points": "points of a part",
        "channels": "channels",
        "batch": "batch",
    },
    examples=EXAMPLES,
    hard=_hard(),
    data=("separated",),
    batch="batch",
    single=_single,
)
