"""Quadrature on the sphere: the Gauss-Legendre product grid and Lebedev rules."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_LEBEDEV_DEGREES = (*range(3, 32, 2), *range(35, 132, 6))
"""Degrees of Lebedev's rules, [@lebedev1999]."""


@dataclass(frozen=True)
class ProductGrid:
    """Hold a grid of n_theta polar angles times n_phi equidistant azimuths.

    `cos_theta` [n_theta] with `theta_weights` [n_theta] summing to 2; `phi` [n_phi] in [rad] from
    0, each of weight `phi_weight` = 2pi/n_phi. All weights together sum to 4pi.
    """

    cos_theta: Array
    theta_weights: Array
    phi: Array
    phi_weight: float

    def points(self) -> Array:
        """Return the unit vectors [n_theta, n_phi, 3] (x, y, z), y polar, phi from z to x."""
        cosine = self.cos_theta[:, None]
        sine = np.sqrt((1 - cosine) * (1 + cosine))
        x, y, z = np.broadcast_arrays(sine * np.sin(self.phi), cosine, sine * np.cos(self.phi))
        return np.stack([x, y, z], axis=-1)

    def weights(self) -> Array:
        """Return the weight of every point [n_theta, n_phi], summing to 4pi."""
        return np.repeat(self.theta_weights[:, None] * self.phi_weight, len(self.phi), axis=1)


def gauss_legendre(degree: int) -> ProductGrid:
    """Return the smallest product grid that integrates polynomials of `degree` exactly.

    ceil((D+1)/2) Gauss-Legendre nodes times D+1 azimuths [@atkinson2012]. A trilinear product of
    harmonics of degrees l1, l2, l3 needs D = l1 + l2 + l3. Raises ValueError for degree < 0.

    >>> grid = gauss_legendre(4)
    >>> grid.points().shape, round(float(grid.weights().sum()), 3)
    ((3, 5, 3), 12.566)
    """
    if degree < 0:
        raise ValueError(f"degree {degree} is negative")
    cos_theta, theta_weights = np.polynomial.legendre.leggauss((degree + 2) // 2)
    n_phi = degree + 1
    phi = np.linspace(0, 2 * math.pi, n_phi, endpoint=False)
    return ProductGrid(cos_theta, theta_weights.astype(float), phi, 2 * math.pi / n_phi)


def lebedev(degree: int) -> tuple[Array, Array]:
    """Return points [n, 3] and weights [n], summing to 4pi, of a Lebedev rule, read-only.

    It is the smallest rule of at least `degree` whose weights are all positive; rules with a
    negative weight, which amplify rounding, are passed over. Raises ValueError for degree < 0 and
    above the largest rule (131).

    >>> points, weights = lebedev(3)
    >>> points.shape, round(float(weights.sum()), 3)
    ((6, 3), 12.566)
    """
    if degree < 0:
        raise ValueError(f"degree {degree} is negative")
    for candidate in _LEBEDEV_DEGREES:
        if candidate >= degree:
            points, weights = _lebedev_rule(candidate)
            if np.all(weights > 0):
                return points, weights
    raise ValueError(
        f"no Lebedev rule reaches degree {degree}; the largest is {_LEBEDEV_DEGREES[-1]}: use "
        "gauss_legendre, which has no limit"
    )


@cache
def _lebedev_rule(degree: int) -> tuple[Array, Array]:
    from scipy.integrate import lebedev_rule  # half a second: not at import

    points, weights = lebedev_rule(degree)
    rule = np.ascontiguousarray(points.T), np.array(weights)
    for array in rule:
        array.setflags(write=False)
    return rule
