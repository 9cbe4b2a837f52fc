r"""Spherical t-designs: points of equal weight that integrate all polynomials up to a degree.

N points are a t-design when the mean of every polynomial of degree <= t over them is its mean over
the sphere [@delsarte1977]. As in [@hardin1996], the points are m orbits of a group of rotations,
that of the tetrahedron (12 elements) or of the octahedron (24). Then every harmonic that the group
moves has mean zero. If n_l harmonics of degree l are invariant, E = sum_{l=1..t} n_l equations are
left for the 2m angles of m points, and a solution is to be expected from 2m = E on. Beyond t = 5
none has a simple closed form: the angles are solved for by least squares, down to rounding.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from impls.so3.harmonics import spherical_harmonics
from impls.so3.rotations import wigner_d
from impls.so3.tables import cached

Array = NDArray[np.float64]

ORBITS = {
    **{5: (12, 1), 7: (24, 1), 8: (12, 3), 9: (24, 2), 10: (12, 5), 11: (12, 6), 12: (12, 7)},
    **{13: (12, 8), 14: (12, 9), 15: (24, 5), 16: (12, 12), 17: (12, 13), 18: (12, 15)},
    **{19: (12, 17), 20: (12, 18), 21: (24, 10)},
}
"""Size of the group and number of orbits for each degree; degrees that are left out use the next.
As many points as the smallest designs of [@hardin1996] and its authors' later table, but for 72
and 96 at degrees 11 and 13, where 70 and 94 are known."""

LARGEST = max(ORBITS)
"""Largest degree of a design that is built here."""

VERSION = 1
"""Version of the stored points; raise it when the construction changes."""

_STARTS = 100
_LUCKY = {9: 1, 10: 2, 11: 8, 12: 2, 13: 1, 19: 10, 21: 1}
"""The first of the random starts that led to a design, where it was not 0: it is tried first."""
_EXACT = 1e-13


def t_design(degree: int) -> tuple[Array, Array]:
    """Return points [n, 3] and weights [n], 4pi/n each, exact up to `degree`, read-only.

    The six vertices of the octahedron up to degree 3, then the designs of `ORBITS`, kept on disk.
    Raises ValueError for degree < 0 and above LARGEST.

    >>> points, weights = t_design(3)
    >>> points.shape, round(float(weights.sum()), 3)
    ((6, 3), 12.566)
    """
    if not 0 <= degree <= LARGEST:
        raise ValueError(
            f"no t-design of degree {degree} here: use 0..{LARGEST}, or lebedev, which goes to 131"
        )
    if degree <= 3:
        points = np.concatenate([np.eye(3), -np.eye(3)])
    else:
        reached = min(known for known in ORBITS if known >= degree)
        points = cached(f"t-design-{reached}", VERSION, lambda: _solve(reached, *ORBITS[reached]))
    weights = np.full(len(points), 4 * math.pi / len(points))
    for array in (points, weights):
        array.setflags(write=False)
    return points, weights


@cache
def rotations_of(order: int) -> Array:
    """Return the rotation group [order, 3, 3] of the tetrahedron (12) or the octahedron (24).

    Both permute the axes and turn them over; the tetrahedron allows only an even number of turns.

    >>> rotations_of(24).shape
    (24, 3, 3)
    """
    found = []
    for axes, signs in product(permutations(range(3)), product((1.0, -1.0), repeat=3)):
        element = np.zeros((3, 3))
        element[range(3), axes] = signs
        if np.linalg.det(element) > 0 and (order == 24 or math.prod(signs) > 0):
            found.append(element)
    return np.array(found)


@cache
def invariants(order: int, degree: int) -> Array:
    """Return the invariant harmonics of degrees 1..degree, orthonormal [(degree+1)^2, E]."""
    columns = []
    for l in range(1, degree + 1):  # noqa: E741
        mean = wigner_d(l, rotations_of(order)).mean(axis=0)  # the projector onto invariants
        values, vectors = np.linalg.eigh((mean + mean.T) / 2)
        chosen = vectors[:, values > 0.5]
        columns.append(np.pad(chosen, ((l * l, (degree + 1) ** 2 - (l + 1) ** 2), (0, 0))))
    return np.concatenate(columns, axis=1)


def _solve(degree: int, order: int, orbits: int) -> Array:
    """Return a design [order * orbits, 3]; of the first random start that leads to one."""
    from scipy.optimize import least_squares  # half a second: not at import

    basis = invariants(order, degree)

    def means(angles: Array) -> Array:
        return np.asarray(spherical_harmonics(degree, _unit(angles)).mean(axis=0) @ basis)

    for seed in dict.fromkeys((_LUCKY.get(degree, 0), *range(_STARTS))):
        x, y, z = np.random.default_rng(seed).standard_normal((3, orbits))
        start = np.concatenate([np.arctan2(np.hypot(x, y), z), np.arctan2(y, x)])
        found = least_squares(
            means, start, jac="3-point", ftol=1e-15, xtol=1e-15, gtol=1e-15, max_nfev=60
        )
        if np.max(np.abs(found.fun)) < _EXACT:
            turned = np.einsum("gij,nj->ngi", rotations_of(order), _unit(found.x))
            return np.asarray(turned.reshape(-1, 3))
    raise RuntimeError(f"no t-design of degree {degree} found from {_STARTS} starts")


def _unit(angles: Array) -> Array:
    polar, azimuth = np.split(angles, 2)
    sine = np.sin(polar)
    return np.stack([sine * np.cos(azimuth), sine * np.sin(azimuth), np.cos(polar)], axis=-1)
