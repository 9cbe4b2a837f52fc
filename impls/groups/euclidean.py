"""Rotations with translations: SE(3), E(3), and E(2) in the plane."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from impls.groups.group import Element, Group, Orbit
from impls.groups.rotations import AXES

MOTIONS = {"O(3)": ("E(3)", 3), "SO(3)": ("SE(3)", 3), "O(2)": ("E(2)", 2)}
"""The group of motions that rotations and mirrors are part of, and its dimension."""


def euclidean(turns: Group) -> Group:
    """Return E(3) where `turns` is O(3), SE(3) where it is SO(3), and E(2) where it is O(2).

    Elements are matrices [[R, t], [0, 1]], [d + 1, d + 1], that move a point p [d] to R p + t; in
    the plane, d = 2, R is what turns about z do to x and y. The subgroups of `turns` come with
    t = 0, and `translation` (R^d) with R = 1; t is drawn standard normal.

    >>> from impls.groups import orthogonal, plane
    >>> group = euclidean(orthogonal())
    >>> group.name, sorted(group.subgroups)
    ('E(3)', ['inversion', 'rotation', 'translation'])
    >>> group = euclidean(plane())
    >>> group.name, sorted(group.subgroups)
    ('E(2)', ['mirror', 'quarter_turn', 'rotation', 'translation'])
    """
    name, dimension = MOTIONS[turns.name]
    identity = np.eye(dimension + 1)

    def affine(turn: np.ndarray, shift: np.ndarray | float = 0.0) -> np.ndarray:
        element = identity.copy()
        element[:dimension, :dimension] = turn[:dimension, :dimension]
        element[:dimension, dimension] = shift
        return element

    def turned(along: Callable[[float], Element], angle: float) -> Element:
        return affine(along(angle))

    def moved(axis: np.ndarray, length: float) -> Element:
        return affine(identity, length * axis)

    def orbit_of(found: Callable[[int], Orbit], n: int) -> Orbit:
        orbit = found(n)
        return Orbit([affine(turn) for turn in orbit.elements], orbit.coordinates)

    def fixed(group: Group) -> Group:
        def sample(rng: np.random.Generator, n: int) -> list[Element]:
            return [affine(turn) for turn in group.sample(rng, n)]

        along = {name: partial(turned, turn) for name, turn in group.generators.items()}
        orbit = group.orbit and partial(orbit_of, group.orbit)
        return Group(group.name, identity, sample, np.matmul, np.linalg.inv, {}, along, orbit)

    def shifted(rng: np.random.Generator, n: int) -> list[Element]:
        return [moved(shift, 1.0) for shift in rng.standard_normal((n, dimension))]

    def sample(rng: np.random.Generator, n: int) -> list[Element]:
        return list(map(np.matmul, shifted(rng, n), rotating.sample(rng, n)))

    axes = list(AXES.items())[:dimension]
    along = {f"translation_{axis}": partial(moved, e[:dimension]) for axis, e in axes}
    shifting = Group(f"R^{dimension}", identity, shifted, np.matmul, np.linalg.inv, {}, along)
    rotating = fixed(turns)
    return Group(
        name=name,
        identity=identity,
        sample=sample,
        mul=np.matmul,
        inv=np.linalg.inv,
        subgroups={name: fixed(group) for name, group in turns.subgroups.items()}
        | {"translation": shifting},
        generators={**rotating.generators, **along},
    )
