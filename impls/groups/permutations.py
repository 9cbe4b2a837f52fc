"""Permutations: S_n."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np

from impls.groups.group import Element, Group, Orbit


def symmetric(n: int) -> Group:
    """Return S_n: element p moves entry i to place p[i].

    An orbit is the identity and transpositions (i, j), evenly chosen when there are too many.

    >>> turn = np.array([1, 2, 0])
    >>> symmetric(3).mul(turn, turn)
    array([2, 0, 1])
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
