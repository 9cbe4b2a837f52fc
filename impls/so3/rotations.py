"""Rotations and how they act on real irreps (Wigner D matrices), without Euler angles."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from impls.so3.irreps import Irreps
from impls.so3.wigner import clebsch_gordan

Array = NDArray[np.float64]

_TOLERANCE = 1e-6
"""How far R^T R may be from 1 before a matrix is refused (float32 rotations pass)."""


def random_rotations(rng: np.random.Generator, n: int) -> Array:
    """Draw `n` rotations [n, 3, 3] from the Haar measure: normal quaternions, normalised.

    >>> random_rotations(np.random.default_rng(0), 5).shape
    (5, 3, 3)
    """
    q = rng.normal(size=(n, 4))
    w, x, y, z = np.moveaxis(q / np.linalg.norm(q, axis=-1, keepdims=True), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), -1, 0)


def axis_angle(axis: ArrayLike, angle: float) -> Array:
    """Return the rotation [3, 3] by `angle` [rad] about `axis` [3] (any length), right-handed.

    Raises ValueError for a zero or non-finite axis.

    >>> (axis_angle([0, 0, 1], math.pi / 2) @ [1, 0, 0]).round(6).tolist()
    [0.0, 1.0, 0.0]
    """
    direction = np.asarray(axis, dtype=float)
    norm = float(np.linalg.norm(direction))
    if direction.shape != (3,) or not math.isfinite(norm) or norm == 0:
        raise ValueError(f"axis {axis!r} is no direction: need 3 finite numbers, not all zero")
    x, y, z = direction / norm
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    half = math.sin(angle / 2)
    rotation: Array = np.eye(3) + math.sin(angle) * cross + 2 * half * half * (cross @ cross)
    return rotation


def wigner_d(l: int, rotation: ArrayLike) -> Array:  # noqa: E741 -- the field's name for a degree
    r"""Return the matrix [..., 2l+1, 2l+1] by which rotations [..., 3, 3] act on degree l.

    D(R) Y(v) = Y(R v), so D(R S) = D(R) D(S). In this basis D_1(R) = R (components x, y, z), and
    degree l is cut out of R (x) D_(l-1)(R) by the Clebsch-Gordan isometry
    [@varshalovich1988] ch. 4: D_l = Q^T (R (x) D_(l-1)) Q. Nothing depends on angles, so there
    are no poles; the error grows linearly in l.

    Raises ValueError for a negative degree and for matrices that are no proper rotations.

    >>> wigner_d(2, np.eye(3)).shape
    (5, 5)
    """
    matrices = _orthogonal(rotation)
    if l < 0:
        raise ValueError(f"degree l={l} is negative")
    if np.any(np.linalg.det(matrices) < 0):
        raise ValueError("wigner_d needs proper rotations (det +1); use representation for O(3)")
    return _wigner_d_up_to(l, matrices)[l]


def representation(irreps: Irreps | str, element: ArrayLike) -> Array:
    r"""Return the matrix [..., dim, dim] by which elements [..., 3, 3] of O(3) act on `irreps`.

    An element with determinant -1 is R' = -element, a rotation, times the inversion; it acts on
    (l, p) with parity p = +-1 by p D_l(R'). Irreps without parity (p = 0) are representations of
    SO(3) alone: they are extended to O(3) by letting the inversion act as the identity, so an
    improper element acts by D_l(R').

    Raises ValueError for matrices that are not orthogonal.

    >>> representation("1o+1e", -np.eye(3)).diagonal().tolist()
    [-1.0, -1.0, -1.0, 1.0, 1.0, 1.0]
    """
    irreps = Irreps.parse(irreps)
    matrices = _orthogonal(element)
    sign = np.sign(np.linalg.det(matrices))[..., None, None]
    result = np.zeros((*matrices.shape[:-2], irreps.dim, irreps.dim))
    if not irreps.items:
        return result
    blocks = _wigner_d_up_to(irreps.lmax, sign * matrices)
    start = 0
    for mul, ir in irreps:
        block = np.where(sign < 0, ir.p, 1) * blocks[ir.l] if ir.p else blocks[ir.l]
        for _ in range(mul):
            result[..., start : start + ir.dim, start : start + ir.dim] = block
            start += ir.dim
    return result


def _wigner_d_up_to(lmax: int, rotation: Array) -> list[Array]:
    blocks = [np.ones((*rotation.shape[:-2], 1, 1)), rotation]
    for degree in range(2, lmax + 1):
        lower = 2 * degree - 1
        isometry = clebsch_gordan(1, degree - 1, degree).reshape(3 * lower, 2 * degree + 1)
        product = rotation[..., :, None, :, None] * blocks[-1][..., None, :, None, :]
        product = product.reshape(*rotation.shape[:-2], 3 * lower, 3 * lower)
        blocks.append(isometry.T @ product @ isometry)
    return blocks


def _orthogonal(element: ArrayLike) -> Array:
    matrices = np.asarray(element, dtype=float)
    if matrices.shape[-2:] != (3, 3):
        raise ValueError(f"expected matrices [..., 3, 3], got shape {matrices.shape}")
    error = np.abs(np.swapaxes(matrices, -1, -2) @ matrices - np.eye(3))
    if not np.all(error < _TOLERANCE):
        raise ValueError(f"expected orthogonal matrices; R^T R - 1 is up to {error.max():.2g}")
    return matrices
