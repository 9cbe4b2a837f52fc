"""A Group, its elements and its orbits: what every symmetry group is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

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

    >>> parity = Group("Z_2", 0, lambda rng, n: [1] * n, lambda g, h: (g + h) % 2, lambda g: g)
    >>> parity.mul(1, 1) == parity.identity
    True
    """

    name: str
    identity: Element
    sample: Callable[[np.random.Generator, int], list[Element]]
    mul: Callable[[Element, Element], Element]
    inv: Callable[[Element], Element]
    subgroups: Mapping[str, Group] = field(default_factory=dict)
    generators: Mapping[str, Callable[[float], Element]] = field(default_factory=dict)
    orbit: Callable[[int], Orbit] | None = None
