"""Coupling tensors of real irreps: the invariant tensor, Clebsch-Gordan, Gaunt, matrix product.

All three-index arrays have shape [2l1+1, 2l2+1, 2l3+1] in the basis of `docs/conventions.md`,
are cached and are read-only.
"""

from __future__ import annotations

import math
from functools import cache
from math import comb
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from impls.so3.symbols import alternating, triangle, wigner_3j_symbol, wigner_3j_zero, wigner_6j
from impls.so3.tables import cached

__all__ = [
    "clebsch_gordan",
    "gaunt",
    "gaunt_coefficient",
    "matrix_coefficient",
    "wigner_3j",
    "wigner_3j_symbol",
    "wigner_3j_zero",
    "wigner_6j",
]

Array = NDArray[np.float64]


@cache
def wigner_3j(l1: int, l2: int, l3: int) -> Array:
    r"""Return the invariant tensor C(l1,l2,l3) [2l1+1, 2l2+1, 2l3+1] of unit Frobenius norm.

    C[m1,m2,m3] = Re (-i)^J sum_mu U1[m1,mu1] U2[m2,mu2] U3[m3,mu3] (l1 l2 l3; mu1 mu2 mu3) with
    J = l1+l2+l3 and U the change from complex to real harmonics [@homeier1996]. The phase makes
    the tensor real and every Gaunt tensor a non-negative multiple of it. The complex symbols are
    exact integers under a square root, so the error is a few ulp at any degree.

    Raises ValueError unless |l1-l2| <= l3 <= l1+l2.

    >>> c = wigner_3j(1, 1, 2)
    >>> c.shape, round(float(np.linalg.norm(c)), 6)
    ((3, 3, 5), 1.0)
    """
    _require_triangle(l1, l2, l3)
    if l1 + l2 < FAR:
        return _frozen(_real_3j(l1, l2, l3))
    start = l3**2 - (l1 - l2) ** 2  # the block holds all degrees from |l1-l2| on
    return _frozen(_block(l1, l2)[:, :, start : start + 2 * l3 + 1])


FAR = 10
"""From l1+l2 = FAR on, tensors come from the disk: reading a pair is then several times faster."""
VERSION = 1
"""Version of the stored tensors; raise it when basis, sign or norm changes."""
_ENTRY = np.dtype([("at", "<i4"), ("value", "<f8")])


@cache
def _block(l1: int, l2: int) -> Array:
    """Return C(l1,l2,l3) for all l3, side by side [2l1+1, 2l2+1, (2l1+1)(2l2+1)]."""

    def nonzero() -> NDArray[np.void]:
        degrees = range(abs(l1 - l2), l1 + l2 + 1)
        dense = np.concatenate([_real_3j(l1, l2, l3) for l3 in degrees], axis=2).ravel()
        entries = np.empty(np.count_nonzero(dense), _ENTRY)
        entries["at"] = np.flatnonzero(dense)
        entries["value"] = dense[entries["at"]]
        return entries

    stored = cached(f"wigner-3j-{l1}-{l2}", VERSION, nonzero)
    block = np.zeros(((2 * l1 + 1) * (2 * l2 + 1)) ** 2)
    block[stored["at"]] = stored["value"]
    return _frozen(block.reshape(2 * l1 + 1, 2 * l2 + 1, -1))


def _real_3j(l1: int, l2: int, l3: int) -> Array:
    tensor = _complex_3j(l1, l2, l3).astype(complex)
    scale: Array = np.ones((1, 1, 1))
    for axis, degree in enumerate((l1, l2, l3)):
        shape = [1, 1, 1]
        shape[axis] = -1
        direct, flipped, norm = _complex_to_real(degree)
        tensor = direct.reshape(shape) * tensor + flipped.reshape(shape) * np.flip(tensor, axis)
        scale = scale * norm.reshape(shape)
    # multiply by (-i)^J exactly, by choosing and signing a part
    total = l1 + l2 + l3
    part: Array = tensor.imag if total % 2 else tensor.real
    sign = 1 if total % 4 in (0, 1) else -1
    return np.asarray(sign * part * scale + 0.0)  # no negative zeros


@cache
def clebsch_gordan(
    l1: int, l2: int, l3: int, normalization: Literal["component", "norm", "none"] = "component"
) -> Array:
    r"""Return the Clebsch-Gordan tensor [2l1+1, 2l2+1, 2l3+1], a multiple of `wigner_3j`.

    "component": sqrt(2l3+1) C, an isometry onto V3, so unit variance in gives unit variance out.
    "norm": sqrt((2l1+1)(2l2+1)) C. "none": C itself.
    Raises ValueError for another normalisation or a violated triangle.

    >>> clebsch_gordan(1, 1, 0)[:, :, 0].round(3).tolist()
    [[0.577, 0.0, 0.0], [0.0, 0.577, 0.0], [0.0, 0.0, 0.577]]
    """
    _require_triangle(l1, l2, l3)
    factor = {
        "component": math.sqrt(2 * l3 + 1),
        "norm": math.sqrt((2 * l1 + 1) * (2 * l2 + 1)),
        "none": 1.0,
    }.get(normalization)
    if factor is None:
        raise ValueError(f"normalization {normalization!r} is none of 'component', 'norm', 'none'")
    return _frozen(factor * wigner_3j(l1, l2, l3))


def gaunt_coefficient(l1: int, l2: int, l3: int) -> float:
    r"""Return sqrt((2l1+1)(2l2+1)(2l3+1)/4pi) |(l1 l2 l3; 0 0 0)| [@varshalovich1988] ch. 5.

    It is the factor between `gaunt` and `wigner_3j`: non-negative, and 0 for an odd sum of
    degrees or a violated triangle.

    >>> round(gaunt_coefficient(1, 1, 2), 6), gaunt_coefficient(1, 1, 1)
    (0.690988, 0.0)
    """
    return _root_of_dims(l1, l2, l3) / math.sqrt(4 * math.pi) * abs(wigner_3j_zero(l1, l2, l3))


@cache
def gaunt(l1: int, l2: int, l3: int) -> Array:
    r"""Return the integrals of three orthonormal real harmonics [2l1+1, 2l2+1, 2l3+1].

    G[m1,m2,m3] = int Y_l1m1 Y_l2m2 Y_l3m3 dOmega = gaunt_coefficient * wigner_3j; zeros when
    l1+l2+l3 is odd. Raises ValueError for a violated triangle.

    >>> bool(gaunt(1, 1, 2).any()), bool(gaunt(1, 1, 1).any())
    (True, False)
    """
    _require_triangle(l1, l2, l3)
    return _frozen(gaunt_coefficient(l1, l2, l3) * wigner_3j(l1, l2, l3))


def matrix_coefficient(l1: int, l2: int, l3: int, twice_j: int) -> float:
    r"""Return the reduced coefficient w of the product of (2j+1) x (2j+1) matrices.

    With X = sum_l sqrt(2l+1) C(j,j,l) x_l, likewise Y, Z = X Y and
    z_l = sqrt(2l+1) <C(j,j,l), Z>, the map is sum over triples of w C(l1,l2,l3), where
    w = (-1)^l3 sqrt((2l1+1)(2l2+1)(2l3+1)) {l1 l2 l3; j j j} [@varshalovich1988] ch. 12.
    The 6j symbol is the magnitude; the sign, from the phases of this basis, does not depend on j.
    It is 0 when a degree is above 2j, and at the accidental zeros of the 6j symbol.

    Raises ValueError for a violated triangle and for odd `twice_j` (half-integer j has no real
    basis, so no sign).

    >>> round(matrix_coefficient(1, 1, 1, twice_j=2), 6)
    -0.866025
    """
    _require_triangle(l1, l2, l3)
    if twice_j < 0 or twice_j % 2:
        raise ValueError(f"twice_j={twice_j}: only integer j, that is even twice_j >= 0, is real")
    j = twice_j // 2
    return alternating(l3) * _root_of_dims(l1, l2, l3) * wigner_6j(l1, l2, l3, j, j, j)


def _require_triangle(l1: int, l2: int, l3: int) -> None:
    if not triangle(l1, l2, l3):
        raise ValueError(
            f"no coupling of degrees ({l1}, {l2}, {l3}): need l >= 0 and |l1-l2| <= l3 <= l1+l2"
        )


def _root_of_dims(l1: int, l2: int, l3: int) -> float:
    return math.sqrt((2 * l1 + 1) * (2 * l2 + 1) * (2 * l3 + 1))


def _frozen(array: Array) -> Array:
    array = np.ascontiguousarray(array)
    array.setflags(write=False)
    return array


def _complex_3j(l1: int, l2: int, l3: int) -> Array:
    r"""Return all complex 3j symbols [2l1+1, 2l2+1, 2l3+1], zero unless m1+m2+m3 = 0.

    The sum over binomials [@varshalovich1988] ch. 8 is an integer; the factor under the root is
    a ratio of integers, divided exactly and rounded once.
    """
    total = l1 + l2 + l3
    a, b, c = total - 2 * l1, total - 2 * l2, total - 2 * l3
    row_a, row_b, row_c = ([comb(n, k) for k in range(n + 1)] for n in (a, b, c))
    above = comb(2 * l1, c) * comb(2 * l2, c)
    below = comb(total + 1, c) * (2 * l3 + 1)
    symbols = np.zeros((2 * l1 + 1, 2 * l2 + 1, 2 * l3 + 1))
    for m1 in range(-l1, l1 + 1):
        for m2 in range(-l2, l2 + 1):
            m3 = -m1 - m2
            if abs(m3) > l3 or (m1, m2) > (0, 0):
                continue
            low = max(0, l1 - m1 - b, l2 + m2 - a)
            high = min(c, l1 - m1, l2 + m2)
            series = 0
            for k in range(low, high + 1):
                term = row_c[k] * row_b[l1 - m1 - k] * row_a[l2 + m2 - k]
                series += -term if k % 2 else term
            dims = comb(2 * l1, l1 - m1) * comb(2 * l2, l2 - m2) * comb(2 * l3, l3 - m3)
            value = alternating(l1 - l2 - m3) * series * math.sqrt(above / (below * dims))
            symbols[l1 + m1, l2 + m2, l3 + m3] = value
            symbols[l1 - m1, l2 - m2, l3 - m3] = alternating(total) * value
    return symbols


def _complex_to_real(degree: int) -> tuple[NDArray[np.complex128], NDArray[np.complex128], Array]:
    r"""Return (direct, flipped, norm) [2l+1] each: Y_m = norm (direct Y^c_m + flipped Y^c_-m).

    Y^c has the Condon-Shortley phase and the real harmonics have none:
    Y_m = (Y^c_-m + (-1)^m Y^c_m)/sqrt2 for m > 0, i (Y^c_m - (-1)^m Y^c_-m)/sqrt2 for m < 0.
    """
    m = np.arange(-degree, degree + 1)
    phase = (-1.0) ** m
    direct = np.where(m > 0, phase, np.where(m < 0, 1j, 1.0))
    flipped = np.where(m > 0, 1.0, np.where(m < 0, -1j * phase, 0.0))
    norm = np.where(m == 0, 1.0, math.sqrt(0.5))
    return direct.astype(complex), flipped.astype(complex), norm
