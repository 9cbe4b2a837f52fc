"""Circular shifts of a grid: Z_n x Z_m ..."""

from __future__ import annotations

import numpy as np

from impls.groups.group import Element, Group, Orbit


def shifts(*sizes: int) -> Group:
    """Return the circular shifts of a grid; an element is a tuple of steps, one for each axis.

    >>> grid = shifts(4, 3)
    >>> grid.name, grid.mul((3, 1), (2, 1)), grid.inv((3, 1))
    ('Z_4 x Z_3', (1, 2), (1, 2))
    """

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
