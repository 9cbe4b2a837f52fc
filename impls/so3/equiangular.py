r"""The equiangular product grid of Driscoll and Healy: rings equidistant in the polar angle."""

from __future__ import annotations

import math

import numpy as np

from impls.so3.quadrature import ProductGrid


def driscoll_healy(degree: int) -> ProductGrid:
    r"""Return the smallest grid of its kind that integrates polynomials of `degree` exactly.

    An even number n of rings at theta_j = (2j+1) pi / 2n, none at a pole, with the weights

        w_j = 2/n (1 - 2 sum_{0<k<n/2} cos(2k theta_j) / (4k^2 - 1)),

    exact up to n - 1 [@driscoll1994]; times degree + 1 azimuths. It has about twice the rings of
    `gauss_legendre`.
    Raises ValueError for degree < 0.

    >>> grid = driscoll_healy(3)
    >>> grid.points().shape, round(float(grid.weights().sum()), 3)
    ((4, 4, 3), 12.566)
    """
    if degree < 0:
        raise ValueError(f"degree {degree} is negative")
    rings = 2 * (degree // 2 + 1)
    theta = (2 * np.arange(rings) + 1) * math.pi / (2 * rings)
    k = np.arange(1, rings // 2)[:, None]
    weights = 2 / rings * (1 - 2 * np.sum(np.cos(2 * k * theta) / (4 * k**2 - 1), axis=0))
    azimuths = degree + 1
    phi = np.linspace(0, 2 * math.pi, azimuths, endpoint=False)
    return ProductGrid(np.cos(theta), weights, phi, 2 * math.pi / azimuths)
