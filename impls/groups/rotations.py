"""Rotations of space, about an axis or all, inversion, mirrors: SO(2), SO(3), Z_2, O(3), O(2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from impls.groups.group import Element, Group, Orbit, Sample
from impls.so3.rotations import axis_angle, random_rotations

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

    >>> [g.shape for g in rotations().sample(np.random.default_rng(0), 2)]
    [(3, 3), (3, 3)]
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
    """Return SO(2), the rotations about an axis [3] (the polar axis y), as 3x3 matrices.

    >>> (circle().generators["rotation"](np.pi / 2) @ [0, 0, 1]).round(6).tolist()
    [1.0, 0.0, 0.0]
    """

    def orbit(n: int) -> Orbit:
        angle = 2 * np.pi * np.arange(n) / n
        return Orbit([axis_angle(axis, a) for a in angle], {"angle": angle})

    def sample(rng: np.random.Generator, n: int) -> list[Element]:
        return [axis_angle(axis, a) for a in rng.uniform(0, 2 * np.pi, n)]

    generators = {"rotation": partial(axis_angle, axis)}
    return Group("SO(2)", np.eye(3), sample, np.matmul, np.transpose, {}, generators, orbit)


def cyclic(n: int, axis: Sequence[float] = (0.0, 1.0, 0.0)) -> Group:
    """Return C_n, the rotations by multiples of 2 pi / n about an axis [3] (the polar axis y).

    `sample` gives no identity, where there is anything else.

    >>> (cyclic(2).sample(np.random.default_rng(0), 1)[0] @ [0, 0, 1]).round(6).tolist()
    [0.0, 0.0, -1.0]
    """

    def sample(rng: np.random.Generator, count: int) -> list[Element]:
        steps = rng.integers(min(1, n - 1), n, size=count)
        return [axis_angle(axis, 2 * np.pi * step / n) for step in steps]

    return Group(f"C{n}", np.eye(3), sample, np.matmul, np.transpose)


def inversion() -> Group:
    """Return {1, -1}; `sample` gives the inversion itself, never the identity."""

    def orbit(n: int) -> Orbit:
        return Orbit([np.eye(3), -np.eye(3)], {"det": np.array([1.0, -1.0])})

    return _matrix_group("Ci", lambda rng, n: [-np.eye(3)] * n, orbit, turns=False)


def orthogonal() -> Group:
    """Return O(3) with its subgroups `rotation` (SO(3)) and `inversion` ({1, -1}).

    >>> sorted(orthogonal().subgroups)
    ['inversion', 'rotation']
    """

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


def plane() -> Group:
    """Return O(2), the turns about z and the mirror y -> -y, as 3x3 matrices.

    Its subgroups are `rotation` (SO(2)), `quarter_turn` (C_4) and `mirror`; those two have elements
    other than the identity alone.

    >>> sorted(plane().subgroups)
    ['mirror', 'quarter_turn', 'rotation']
    """
    axis, mirror = (0.0, 0.0, 1.0), np.diag([1.0, -1.0, 1.0])
    turning = circle(axis)

    def sample(rng: np.random.Generator, n: int) -> list[Element]:
        mirrored = rng.integers(2, size=n).astype(bool)
        turns = turning.sample(rng, n)
        return [g @ mirror if m else g for g, m in zip(turns, mirrored, strict=True)]

    def mirrors(rng: np.random.Generator, n: int) -> list[Element]:
        return [mirror] * n

    parts = {
        "rotation": turning,
        "quarter_turn": cyclic(4, axis),
        "mirror": Group("Cs", np.eye(3), mirrors, np.matmul, np.transpose),
    }
    along = turning.generators
    return Group("O(2)", np.eye(3), sample, np.matmul, np.transpose, parts, along, turning.orbit)
