"""Symmetry groups: how to draw, compose and invert elements, with their named subgroups.

A Lie group also names its `generators`, as one-parameter subgroups t -> exp(t X), and some groups
have an `orbit`: elements in an order that can be drawn, with their coordinates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from impls.so3.rotations import axis_angle, random_rotations

Element = Any
Sample = Callable[[np.random.Generator, int], list[Element]]


@dataclass(frozen=True)
class Orbit:
    """Elements that cover a group, and the coordinates [n] by which each of them is drawn."""

    elements: list[Element]
    coordinates: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Group:
    """A group: `mul(g, h)` applies h first. Subgroups are always measured apart.

    `generators` maps the name of a generator X to t -> exp(t X), with t in radians or in units of
    length. `orbit(n)` returns about n elements; None where nothing is worth drawing.
    """

    name: str
    identity: Element
    sample: Callable[[np.random.Generator, int], list[Element]]
    mul: Callable[[Element, Element], Element]
    inv: Callable[[Element], Element]
    subgroups: Mapping[str, Group] = field(default_factory=dict)
    generators: Mapping[str, Callable[[float], Element]] = field(default_factory=dict)
    orbit: Callable[[int], Orbit] | None = None


ANGLES = 8
"""Angles about each axis in an orbit of SO(3)."""
AXES = dict(zip("xyz", np.eye(3), strict=True))


def _matrix_group(
    name: str, sample: Sample, orbit: Callable[[int], Orbit], turns: bool, **subgroups: Group
) -> Group:
    axes = AXES if turns else {}
    generators = {f"rotation_{a}": partial(axis_angle, axis) for a, axis in axes.items()}
    return Group(name, np.eye(3), sample, np.matmul, np.transpose, subgroups, generators, orbit)


def rotations() -> Group:
    """Return SO(3): elements are 3x3 rotation matrices, drawn from the Haar measure.

    An orbit turns by 8 angles of (0, pi] about axes on a Fibonacci lattice of the sphere.
    """

    def orbit(n: int) -> Orbit:
        count = -(-n // ANGLES)
        z = (2 * np.arange(count) + 1) / count - 1
        turn = np.pi * (3 - np.sqrt(5)) * np.arange(count)
        radius = np.sqrt(1 - z * z)
        axes = np.stack([radius * np.cos(turn), radius * np.sin(turn), z], axis=-1)
        axis = np.repeat(axes, ANGLES, axis=0)
        angle = np.tile(np.pi * np.arange(1, ANGLES + 1) / ANGLES, count)
        named = {f"axis_{name}": axis[:, i] for i, name in enumerate("xyz")}
        return Orbit(
            [axis_angle(*pair) for pair in zip(axis, angle, strict=True)], named | {"angle": angle}
        )

    def sample(rng: np.random.Generator, n: int) -> list[Element]:
        return list(random_rotations(rng, n))

    proper = _matrix_group("SO(3)", sample, orbit, turns=True)
    return _matrix_group("SO(3)", sample, orbit, turns=True, rotation=proper)


def circle(axis: Sequence[float] = (0.0, 1.0, 0.0)) -> Group:
    """Return SO(2), the rotations about an axis [3] (the polar axis y), as 3x3 matrices."""

    def orbit(n: int) -> Orbit:
        angle = 2 * np.pi * np.arange(n) / n
        return Orbit([axis_angle(axis, a) for a in angle], {"angle": angle})

    def sample(rng: np.random.Generator, n: int) -> list[Element]:
        return [axis_angle(axis, a) for a in rng.uniform(0, 2 * np.pi, n)]

    generators = {"rotation": partial(axis_angle, axis)}
    return Group("SO(2)", np.eye(3), sample, np.matmul, np.transpose, {}, generators, orbit)


def inversion() -> Group:
    """Return {1, -1}; `sample` gives the inversion itself, never the identity."""

    def orbit(n: int) -> Orbit:
        return Orbit([np.eye(3), -np.eye(3)], {"det": np.array([1.0, -1.0])})

    return _matrix_group("Ci", lambda rng, n: [-np.eye(3)] * n, orbit, turns=False)


def orthogonal() -> Group:
    """Return O(3) with its subgroups `rotation` (SO(3)) and `inversion` ({1, -1})."""

    proper = rotations().subgroups["rotation"]

    def sample(rng: np.random.Generator, n: int) -> list[Element]:
        signs = rng.choice([-1.0, 1.0], size=n)
        return [s * r for s, r in zip(signs, random_rotations(rng, n), strict=True)]

    def orbit(n: int) -> Orbit:
        assert proper.orbit is not None
        half = proper.orbit(-(-n // 2))
        signs = np.repeat([1.0, -1.0], len(half.elements))
        twice = {name: np.tile(values, 2) for name, values in half.coordinates.items()}
        both = [s * r for s, r in zip(signs, half.elements * 2, strict=True)]
        return Orbit(both, twice | {"det": signs})

    return _matrix_group("O(3)", sample, orbit, turns=True, rotation=proper, inversion=inversion())


def _affine(turn: np.ndarray, shift: np.ndarray | float = 0.0) -> np.ndarray:
    element = np.eye(4)
    element[:3, :3], element[:3, 3] = turn, shift
    return element


def euclidean(turns: Group) -> Group:
    """Return E(3) where `turns` is O(3), SE(3) where it is SO(3).

    Elements are matrices [[R, t], [0, 1]], [4, 4], that move a point p to R p + t. The subgroups of
    `turns` come with t = 0, and `translation` (R^3) with R = 1; t is drawn standard normal.
    """

    def turned(along: Callable[[float], Element], angle: float) -> Element:
        return _affine(along(angle))

    def moved(axis: np.ndarray, length: float) -> Element:
        return _affine(np.eye(3), length * axis)

    def fixed(group: Group) -> Group:
        def sample(rng: np.random.Generator, n: int) -> list[Element]:
            return [_affine(turn) for turn in group.sample(rng, n)]

        def orbit(n: int) -> Orbit:
            assert group.orbit is not None
            found = group.orbit(n)
            return Orbit([_affine(turn) for turn in found.elements], found.coordinates)

        along = {name: partial(turned, turn) for name, turn in group.generators.items()}
        return Group(group.name, np.eye(4), sample, np.matmul, np.linalg.inv, {}, along, orbit)

    def shifted(rng: np.random.Generator, n: int) -> list[Element]:
        return [moved(shift, 1.0) for shift in rng.standard_normal((n, 3))]

    def sample(rng: np.random.Generator, n: int) -> list[Element]:
        return list(map(np.matmul, shifted(rng, n), rotating.sample(rng, n)))

    along = {f"translation_{name}": partial(moved, axis) for name, axis in AXES.items()}
    shifting = Group("R^3", np.eye(4), shifted, np.matmul, np.linalg.inv, {}, along)
    rotating = fixed(turns)
    return Group(
        name={"O(3)": "E(3)", "SO(3)": "SE(3)"}[turns.name],
        identity=np.eye(4),
        sample=sample,
        mul=np.matmul,
        inv=np.linalg.inv,
        subgroups={name: fixed(group) for name, group in turns.subgroups.items()}
        | {"translation": shifting},
        generators={**rotating.generators, **along},
    )


def shifts(*sizes: int) -> Group:
    """Return the circular shifts of a grid; an element is a tuple of steps, one for each axis."""

    def mul(g: Element, h: Element) -> Element:
        return tuple((a + b) % n for a, b, n in zip(g, h, sizes, strict=True))

    def inv(g: Element) -> Element:
        return tuple(-a % n for a, n in zip(g, sizes, strict=True))

    def sample(rng: np.random.Generator, n: int) -> list[Element]:
        return [tuple(int(rng.integers(size)) for size in sizes) for _ in range(n)]

    def orbit(n: int) -> Orbit:
        every = list(np.ndindex(*sizes))
        chosen = [every[i] for i in np.unique(np.linspace(0, len(every) - 1, n).astype(int))]
        steps = np.array(chosen, dtype=float).reshape(len(chosen), len(sizes))
        return Orbit(list(chosen), {f"shift_{axis}": steps[:, axis] for axis in range(len(sizes))})

    name = " x ".join(f"Z_{size}" for size in sizes)
    return Group(name, (0,) * len(sizes), sample, mul, inv, orbit=orbit)


def symmetric(n: int) -> Group:
    """Return S_n: element p moves entry i to place p[i].

    An orbit is the identity and transpositions (i, j), evenly chosen when there are too many.
    """

    def mul(g: Element, h: Element) -> Element:
        return g[h]

    def sample(rng: np.random.Generator, count: int) -> list[Element]:
        return [rng.permutation(n) for _ in range(count)]

    def orbit(count: int) -> Orbit:
        every = [(0, 0), *combinations(range(n), 2)]
        chosen = np.unique(np.linspace(0, len(every) - 1, min(count, len(every))).astype(int))
        pairs = np.array([every[i] for i in chosen])
        elements = [np.arange(n) for _ in pairs]
        for element, pair in zip(elements, pairs, strict=True):
            element[pair] = element[pair[::-1]]
        return Orbit(
            list(elements), {"i": pairs[:, 0].astype(float), "j": pairs[:, 1].astype(float)}
        )

    group = Group(f"S_{n}", np.arange(n), sample, mul, np.argsort, orbit=orbit)
    return replace(group, subgroups={"permutation": group})


def direct_product(**factors: Group) -> Group:
    """Return the direct product; an element is a dict with one entry per factor.

    The subgroups, generators and orbits of every factor are lifted, with the identity in all other
    factors; generators are named `<factor>.<generator>`. A product of factors has no orbit.
    """
    identity = {name: group.identity for name, group in factors.items()}

    def lift(name: str, value: Element) -> Element:
        return identity | {name: value}

    def lifted_along(name: str, along: Callable[[float], Element]) -> Callable[[float], Element]:
        return lambda t: lift(name, along(t))

    def orbit_of(name: str, group: Group) -> Callable[[int], Orbit] | None:
        inner = group.orbit
        if inner is None:
            return None

        def orbit(n: int) -> Orbit:
            found = inner(n)
            return Orbit([lift(name, g) for g in found.elements], found.coordinates)

        return orbit

    def combined(parts: Mapping[str, Group], subgroups: Mapping[str, Group]) -> Group:
        def sample(rng: np.random.Generator, n: int) -> list[Element]:
            drawn = {name: group.sample(rng, n) for name, group in parts.items()}
            return [
                identity | {name: values[i] for name, values in drawn.items()} for i in range(n)
            ]

        generators = {
            f"{name}.{generator}": lifted_along(name, along)
            for name, group in parts.items()
            for generator, along in group.generators.items()
        }
        only = next(iter(parts.items())) if len(parts) == 1 else None
        return Group(
            name=" x ".join(group.name for group in parts.values()),
            identity=identity,
            sample=sample,
            mul=lambda g, h: {k: f.mul(g[k], h[k]) for k, f in factors.items()},
            inv=lambda g: {k: f.inv(g[k]) for k, f in factors.items()},
            subgroups=subgroups,
            generators=generators,
            orbit=orbit_of(*only) if only else None,
        )

    lifted = {
        sub: combined({name: group}, {})
        for name, factor in factors.items()
        for sub, group in factor.subgroups.items()
    }
    return combined(factors, lifted)
