"""Powers of a group: as many elements as there are parts, each for its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from impls.groups.group import Element, Group


def power(group: Group, count: int) -> Group:
    """Return the direct product of `count` copies of a group whose elements are arrays.

    An element is the array [count, ...] of the elements of all copies. Subgroups and generators are
    those of the copies, under the same names, a generator with the number of its copy. Of elements
    that are drawn most leave one copy at rest, in turn: a map that takes all copies for one is told
    apart also under a group that has but one element to draw.

    Raises:
        ValueError: for no copy.

    >>> from impls.groups import inversion
    >>> both = power(inversion(), 2)
    >>> [np.linalg.det(g).round().tolist() for g in both.sample(np.random.default_rng(0), 3)]
    [[1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]
    """
    if count < 1:
        raise ValueError(f"a power of {count}: a group is taken once at least")
    identity = np.stack([group.identity] * count)

    def mul(g: Element, h: Element) -> Element:
        return np.stack([group.mul(a, b) for a, b in zip(g, h, strict=True)])

    def inv(g: Element) -> Element:
        return np.stack([group.inv(a) for a in g])

    def sample(rng: np.random.Generator, n: int) -> list[Element]:
        found = []
        for i in range(n):
            element = np.stack(group.sample(rng, count))
            rests = i % (count + 1)
            if 1 < count and rests < count:
                element[rests] = identity[rests]
            found.append(element)
        return found

    def alone(along: Callable[[float], Element], copy: int, t: float) -> Element:
        element = identity.copy()
        element[copy] = along(t)
        return element

    return Group(
        name=f"{group.name}^{count}",
        identity=identity,
        sample=sample,
        mul=mul,
        inv=inv,
        subgroups={name: power(subgroup, count) for name, subgroup in group.subgroups.items()},
        generators={
            f"{name}_{copy}": partial(alone, along, copy)
            for copy in range(count)
            for name, along in group.generators.items()
        },
    )
