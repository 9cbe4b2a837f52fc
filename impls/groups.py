"""Symmetry groups: how to draw, compose and invert elements, with their named subgroups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from impls.so3.rotations import random_rotations

Element = Any


@dataclass(frozen=True)
class Group:
    """A group: `mul(g, h)` applies h first. Subgroups are always measured apart."""

    name: str
    identity: Element
    sample: Callable[[np.random.Generator, int], list[Element]]
    mul: Callable[[Element, Element], Element]
    inv: Callable[[Element], Element]
    subgroups: Mapping[str, Group] = field(default_factory=dict)


def _matrix_group(
    name: str, sample: Callable[[np.random.Generator, int], list[Element]], **subgroups: Group
) -> Group:
    return Group(name, np.eye(3), sample, np.matmul, np.transpose, subgroups)


def rotations() -> Group:
    """Return SO(3): elements are 3x3 rotation matrices, drawn from the Haar measure."""
    proper = _matrix_group("SO(3)", lambda rng, n: list(random_rotations(rng, n)))
    return _matrix_group("SO(3)", proper.sample, rotation=proper)


def inversion() -> Group:
    """Return {1, -1}; `sample` gives the inversion itself, never the identity."""
    return _matrix_group("Ci", lambda rng, n: [-np.eye(3)] * n)


def orthogonal() -> Group:
    """Return O(3) with its subgroups `rotation` (SO(3)) and `inversion` ({1, -1})."""

    def sample(rng: np.random.Generator, n: int) -> list[Element]:
        signs = rng.choice([-1.0, 1.0], size=n)
        return [s * r for s, r in zip(signs, random_rotations(rng, n), strict=True)]

    return _matrix_group(
        "O(3)", sample, rotation=rotations().subgroups["rotation"], inversion=inversion()
    )


def symmetric(n: int) -> Group:
    """Return S_n: element p moves entry i to place p[i]."""

    def mul(g: Element, h: Element) -> Element:
        return g[h]

    def sample(rng: np.random.Generator, count: int) -> list[Element]:
        return [rng.permutation(n) for _ in range(count)]

    group = Group(f"S_{n}", np.arange(n), sample, mul, np.argsort)
    return Group(f"S_{n}", np.arange(n), sample, mul, np.argsort, {"permutation": group})


def direct_product(**factors: Group) -> Group:
    """Return the direct product; an element is a dict with one entry per factor.

    The subgroups of every factor are lifted, with the identity in all other factors.
    """
    identity = {name: group.identity for name, group in factors.items()}

    def combined(parts: Mapping[str, Group], subgroups: Mapping[str, Group]) -> Group:
        def sample(rng: np.random.Generator, n: int) -> list[Element]:
            drawn = {name: group.sample(rng, n) for name, group in parts.items()}
            return [
                identity | {name: values[i] for name, values in drawn.items()} for i in range(n)
            ]

        return Group(
            name=" x ".join(group.name for group in parts.values()),
            identity=identity,
            sample=sample,
            mul=lambda g, h: {k: f.mul(g[k], h[k]) for k, f in factors.items()},
            inv=lambda g: {k: f.inv(g[k]) for k, f in factors.items()},
            subgroups=subgroups,
        )

    lifted = {
        sub: combined({name: group}, {})
        for name, factor in factors.items()
        for sub, group in factor.subgroups.items()
    }
    return combined(factors, lifted)
