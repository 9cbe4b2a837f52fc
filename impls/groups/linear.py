r"""SL(2) and GL+(2), linear maps of the plane by their polar decomposition.

    g = P R,    P = (g g^T)^(1/2),  R = P^-1 g

is unique, with P symmetric and positive and R a rotation. The logarithm of P in an orthonormal
basis, and the angle of R times sqrt 2, are coordinates of the whole group [@mironenco2024],

    xi^-1(g) = (a, b, d, c),    log P = (a Z + b X + c 1) / sqrt 2,    log R = d J / sqrt 2,

Z = diag(1, -1), X = [[0, 1], [1, 0]], J = [[0, -1], [1, 0]]; c = 0 in SL(2). exp alone has none:
diag(-2, -1/2) is no exponential of a real matrix. With s = |(a, b)| / sqrt 2, the stretch of
g, the Haar measure of SL(2) is sinh(2 s) ds dphi dtheta, phi and theta the directions of the
stretch and the angle of R, and that of GL+(2) has dc beside it.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from impls.groups.group import Element, Group

ROOT = np.sqrt(2.0)
Array = np.ndarray


def polar(g: Array) -> tuple[Array, Array]:
    """Return P and R [..., 2, 2] of elements g [..., 2, 2] with a positive determinant.

    >>> p, r = polar(np.diag([-2.0, -0.5]))
    >>> p.round(6).tolist(), r.round(6).tolist()
    ([[2.0, 0.0], [0.0, 0.5]], [[-1.0, 0.0], [0.0, -1.0]])
    """
    values, vectors = np.linalg.eigh(g @ np.swapaxes(g, -1, -2))
    along = np.sqrt(values)[..., None, :]
    back = np.swapaxes(vectors, -1, -2)
    return (vectors * along) @ back, (vectors / along) @ back @ g


def coordinates(g: Array) -> Array:
    """Return xi^-1(g) = (a, b, d, c) [..., 4] of elements g [..., 2, 2]; |d| <= sqrt 2 pi.

    >>> coordinates(np.diag([-2.0, -0.5])).round(3).tolist()
    [0.98, 0.0, 4.443, 0.0]
    """
    values, vectors = np.linalg.eigh(g @ np.swapaxes(g, -1, -2))
    back = np.swapaxes(vectors, -1, -2)
    log = (vectors * np.log(values)[..., None, :] / 2) @ back
    turn = (vectors / np.sqrt(values)[..., None, :]) @ back @ g
    angle = np.arctan2(turn[..., 1, 0], turn[..., 0, 0])
    a, c = (log[..., 0, 0] - log[..., 1, 1]) / ROOT, (log[..., 0, 0] + log[..., 1, 1]) / ROOT
    return np.stack([a, ROOT * log[..., 0, 1], ROOT * angle, c], axis=-1)


def elements(xi: Array) -> Array:
    """Return g [..., 2, 2] with coordinates xi [..., 4].

    >>> g = np.array([[2.0, 1.0], [0.0, 3.0]])
    >>> bool(np.allclose(elements(coordinates(g)), g))
    True
    """
    a, b, d, c = np.moveaxis(xi / ROOT, -1, 0)
    stretch = np.hypot(a, b)
    slope = np.sinh(stretch) / np.where(stretch > 0, stretch, 1.0)
    even = np.cosh(stretch)
    p = _matrices(even + slope * a, slope * b, slope * b, even - slope * a)
    r = _matrices(np.cos(d), -np.sin(d), np.sin(d), np.cos(d))
    return np.exp(c)[..., None, None] * (p @ r)


def _matrices(a: Array, b: Array, c: Array, d: Array) -> Array:
    return np.stack([a, b, c, d], axis=-1).reshape(*a.shape, 2, 2)


def haar(rng: np.random.Generator, shape: tuple[int, ...], stretch: float, scale: float) -> Array:
    """Draw elements [*shape, 2, 2] from the Haar measure, stretched and scaled by no more.

    s <= `stretch`, and the determinant lies between exp(-2 scale) and exp(2 scale): `scale` 0 is
    SL(2).
    """
    s = np.arccosh(1 + rng.random(shape) * (np.cosh(2 * stretch) - 1)) / 2
    direction, angle = rng.uniform(0, 2 * np.pi, shape), rng.uniform(-np.pi, np.pi, shape)
    c = rng.uniform(-scale, scale, shape)
    return elements(ROOT * np.stack([s * np.cos(direction), s * np.sin(direction), angle, c], -1))


def lognormal(
    rng: np.random.Generator, shape: tuple[int, ...], variance: float, scales: bool
) -> Array:
    """Draw elements [*shape, 2, 2] with P^2 log-normal of this variance, and R uniform.

    As the code of [@mironenco2024] draws them: this is not the Haar measure. Without `scales` they
    are of SL(2).
    """
    a, b, c = np.moveaxis(rng.standard_normal((*shape, 3)) * np.sqrt(variance) / 2, -1, 0)
    angle = ROOT * rng.uniform(-np.pi, np.pi, shape)
    return elements(np.stack([a, b, angle, c if scales else 0 * c], axis=-1))


def linear(stretch: float, scale: float = 0.0) -> Group:
    """Return SL(2), or GL+(2) with a `scale`; elements are drawn as `haar` does.

    >>> group = linear(0.5)
    >>> group.name, sorted(group.generators)
    ('SL(2)', ['rotation', 'shear', 'stretch'])
    """

    def sample(rng: np.random.Generator, n: int) -> list[Element]:
        return list(haar(rng, (n,), stretch, scale))

    def along(axis: int, t: float) -> Element:
        return elements(t * np.eye(4)[axis])

    names = ("stretch", "shear", "rotation", "scale")[: 4 if scale else 3]
    generators = {name: partial(along, axis) for axis, name in enumerate(names)}
    name = "GL+(2)" if scale else "SL(2)"
    return Group(name, np.eye(2), sample, np.matmul, np.linalg.inv, {}, generators)
