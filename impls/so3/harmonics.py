"""Real spherical harmonics and their separable factors on a product grid.

The polar axis is y: v = (sin t sin p, cos t, sin t cos p) for polar angle t and azimuth p.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Normalization = Literal["integral", "component", "norm"]


def spherical_harmonics(
    lmax: int, vectors: ArrayLike, normalization: Normalization = "integral"
) -> Array:
    r"""Return the real harmonics [..., (lmax+1)^2] of the directions of `vectors` [..., 3].

    Index l^2 + l + m; Y_lm(t, p) = N P_l^|m|(cos t) times sqrt2 sin |m|p, 1, sqrt2 cos mp for
    m < 0, m = 0, m > 0, N^2 = (2l+1)/4pi (l-|m|)!/(l+|m|)!, no Condon-Shortley phase
    [@homeier1996]. "integral": orthonormal on the sphere; "component": sum over m of Y^2 is 2l+1;
    "norm": it is 1. Raises ValueError for zero or non-finite vectors and unknown normalisations.

    >>> spherical_harmonics(1, [0, 1, 0], "component").round(3).tolist()
    [1.0, 0.0, 1.732, 0.0]
    """
    points = np.asarray(vectors, dtype=float)
    if points.shape[-1:] != (3,):
        raise ValueError(f"expected vectors [..., 3], got shape {points.shape}")
    largest = np.max(np.abs(points), axis=-1, keepdims=True)
    if not np.all(np.isfinite(largest) & (largest > 0)):
        raise ValueError("harmonics need finite vectors that are not zero: a zero has no direction")
    points = points / largest
    x, y, z = np.moveaxis(points / np.linalg.norm(points, axis=-1, keepdims=True), -1, 0)
    factors = extended_legendre(lmax, y, np.hypot(x, z))
    waves = trigonometric(lmax, np.arctan2(x, z))
    degree, order = degrees_and_orders(lmax)
    values = factors[..., degree, np.abs(order)] * waves[..., lmax + order]
    return values * _per_degree(normalization, degree)


def legendre(lmax: int, cos_theta: ArrayLike) -> Array:
    r"""Return normalised Legendre functions [..., lmax+1 (l), lmax+1 (|m|)], zero for |m| > l.

    legendre[l, |m|] = N P_l^|m|(cos t), so that Y_lm(t, p) = legendre[l, |m|] trigonometric[m],
    orthonormal. Raises ValueError for |cos_theta| > 1 or a negative `lmax`.

    >>> legendre(1, 1.0).round(3).tolist()
    [[0.282, 0.0], [0.489, 0.0]]
    """
    cosine = np.asarray(cos_theta, dtype=float)
    if not np.all(np.abs(cosine) <= 1):
        raise ValueError("cos_theta has to lie in [-1, 1]")
    return extended_legendre(lmax, cosine, np.sqrt((1 - cosine) * (1 + cosine)))


def trigonometric(lmax: int, phi: ArrayLike) -> Array:
    r"""Return the azimuthal factors [..., 2 lmax+1], m = -lmax..lmax, of azimuths `phi` [rad].

    sqrt2 sin |m|phi for m < 0, 1 for m = 0, sqrt2 cos m phi for m > 0. `phi` is measured from z
    towards x.

    >>> trigonometric(1, 0.0).round(3).tolist()
    [0.0, 1.0, 1.414]
    """
    angle = np.asarray(phi, dtype=float)[..., None] * np.arange(1, _checked(lmax) + 1)
    sine, cosine = math.sqrt(2) * np.sin(angle), math.sqrt(2) * np.cos(angle)
    return np.concatenate([sine[..., ::-1], np.ones((*angle.shape[:-1], 1)), cosine], axis=-1)


def extended_legendre(lmax: int, cosine: Array, sine: Array) -> Array:
    r"""Return `legendre` from cosine and sine of the polar angle, which may have any sign.

    A negative sine continues N P_l^|m| analytically to t in (pi, 2pi), as the Fourier series of
    the harmonics needs. Three-term recurrence in l of the normalised functions, started at
    l = |m| [@holmes2002]; no intermediate over- or underflow at the degrees used here.
    """
    table = np.zeros((*cosine.shape, _checked(lmax) + 1, lmax + 1))
    table[..., 0, 0] = math.sqrt(1 / (4 * math.pi))
    for m in range(1, lmax + 1):
        table[..., m, m] = math.sqrt((2 * m + 1) / (2 * m)) * sine * table[..., m - 1, m - 1]
    for l in range(1, lmax + 1):  # noqa: E741
        order = np.arange(l)
        rise = np.sqrt((4 * l * l - 1) / (l * l - order**2))
        table[..., l, :l] = rise * cosine[..., None] * table[..., l - 1, :l]
        if l > 1:
            fall = np.sqrt(((l - 1) ** 2 - order[:-1] ** 2) / (4 * (l - 1) ** 2 - 1))
            table[..., l, : l - 1] -= rise[:-1] * fall * table[..., l - 2, : l - 1]
    return table


def degrees_and_orders(lmax: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return l and m [(lmax+1)^2] of each component in the order of `spherical_harmonics`.

    >>> degrees_and_orders(1)
    (array([0, 1, 1, 1]), array([ 0, -1,  0,  1]))
    """
    degree = np.repeat(np.arange(_checked(lmax) + 1), 2 * np.arange(lmax + 1) + 1)
    return degree, np.arange((lmax + 1) ** 2) - degree * (degree + 1)


def _per_degree(normalization: Normalization, degree: NDArray[np.int64]) -> Array:
    if normalization == "integral":
        return np.ones(degree.shape)
    if normalization == "component":
        return np.full(degree.shape, math.sqrt(4 * math.pi))
    if normalization == "norm":
        return np.sqrt(4 * math.pi / (2 * degree + 1))
    raise ValueError(f"normalization {normalization!r} is none of 'integral', 'component', 'norm'")


def _checked(lmax: int) -> int:
    if lmax < 0:
        raise ValueError(f"lmax={lmax} is negative")
    return lmax
