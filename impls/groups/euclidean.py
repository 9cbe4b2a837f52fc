"""Rotations with translations: SE(3) and E(3)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from impls.groups.group import Element, Group, Orbit
from impls.groups.rotations import AXES


def _affine(turn: np.ndarray, shift: np.ndarray | float = 0.0) -> np.ndarray:
    element = np.eye(4)
    element[:3, :3], element[:3, 3] = turn, shift
    return element


def euclidean(turns: Group) -> Group:
    """Return E(3) where `turns` is O(3), SE(3) where it is SO(3).

    Elements are matrices [[R, t], [0, 1]], [4, 4], that move a point p to R p + t. The subgroups of
    `turns` come with t = 0, and `translation` (R^3) with R = 1; t is drawn standard normal.

    >>> from impls.groups import orthogonal
    >>> group = euclidean(orthogonal())
    >>> group.name, sorted(group.subgroups)
    ('E(3)', ['inversion', 'rotation', 'translation'])
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
