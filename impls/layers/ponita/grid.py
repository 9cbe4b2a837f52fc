r"""Grids of orientations: points of the sphere that the group of the icosahedron keeps.

    12    its vertices                       every polynomial of degree <= 5 has its mean over
    20    the centres of its faces           the sphere as mean over the points
    60    an orbit on the planes of mirrors  degree <= 9
    120   two of these                       degree <= 11

Each is made of orbits under all 120 elements, turns and inversion: a map that meets orientations by
their scalar products alone is exactly equivariant under these. Of an orbit the mean of a harmonic
is zero unless the group keeps it, so that degree 6, then 10, then 12 are the first that can be
wrong. The one harmonic of degree l = 6 or 10 that it keeps is a multiple of sum_a P_l(a . x) over
the vertices a; of 60 points that of degree 6 has mean zero, of 120 both have.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
from scipy.special import eval_legendre

from impls.groups.finite import GOLDEN, rotations
from impls.spaces import Array

COUNTS = (12, 20, 60, 120)
"""How many orientations a grid may have, from coarse to fine."""


@cache
def orientations(count: int) -> Array:
    """Return unit vectors [count, 3], read-only.

    >>> [len(orientations(count)) for count in COUNTS]
    [12, 20, 60, 120]

    Raises:
        ValueError: for a count that is not in COUNTS.
    """
    if count not in COUNTS:
        raise ValueError(
            f"orientations={count}: a grid that the icosahedron keeps has "
            f"{', '.join(map(str, COUNTS))}"
        )
    starts = {12: _fivefold, 20: _threefold, 60: _six, 120: _six_and_ten}[count]()
    found = np.concatenate([_orbit(point) for point in starts])
    found.setflags(write=False)
    return found


def _orbit(point: Array) -> Array:
    """Return the different images of a point under all turns and inversion, in a fixed order."""
    turns = rotations(60)
    images = np.concatenate([turns @ point, -turns @ point])
    kept: list[Array] = []
    for image in images:
        if not any(np.allclose(image, other, atol=1e-6) for other in kept):
            kept.append(image)
    return np.stack(kept)


def _axis(trace: float) -> Array:
    """Return the axis [1, 3] of the first turn with that trace, 1 + 2 cos(angle)."""
    turn = next(g for g in rotations(60) if abs(np.trace(g) - trace) < 1e-9)
    axis = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
    return np.asarray(axis / np.linalg.norm(axis))[None]


def _fivefold() -> Array:
    return _axis(GOLDEN)


def _threefold() -> Array:
    return _axis(0.0)


def invariant(degree: int, points: Array) -> Array:
    """Return sum_a P_degree(a . x) over the vertices a, for unit vectors x [..., 3]."""
    return np.asarray(eval_legendre(degree, points @ orientations(12).T).sum(axis=-1))


def _on_mirrors(*degrees: int) -> Array:
    """Return as many points of the plane z = 0 as degrees, of which each has a mean of zero.

    That plane is one of mirrors: half turns about z, inverted. Of the solutions it is the one that
    is nearest to zero in the next degree.
    """
    from scipy.optimize import least_squares  # half a second: not at import

    count, following = len(degrees), {6: 10, 10: 12}[degrees[-1]]

    def points(angles: Array) -> Array:
        return np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)

    def means(angles: Array) -> Array:
        return np.array([invariant(degree, points(angles)).mean() for degree in degrees])

    found = []
    for start in product(np.linspace(0.1, 1.5, 8), repeat=count):
        solved = least_squares(means, start, xtol=1e-15, ftol=1e-15, gtol=1e-15)
        if np.abs(solved.fun).max() < 1e-13:
            found.append(points(solved.x))
    return min(found, key=lambda x: abs(float(invariant(following, x).mean())))


def _six() -> Array:
    return _on_mirrors(6)


def _six_and_ten() -> Array:
    return _on_mirrors(6, 10)
