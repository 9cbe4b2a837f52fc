r"""How many equivariant polynomials a feature has, and how many couplings are written for them.

The equivariant polynomials of degree nu in one feature x of irreps V, with values in an irrep l,
are the maps Hom_G(Sym^nu V, l): all slots hold the same vector. Whoever couples nu copies one after
another, as if they were different, writes a weight for each map of Hom_G(V^(x)nu, l): the nested
basis of a symmetric contraction [@batatia2022]. Most of these depend on the others [@dusson2022].

Both dimensions are means of characters over the group, here by a sum over rotation angles that is
exact for trigonometric polynomials,

    dim Hom_G(R, l) = mean_g chi_R(g) chi_l(g),    chi_l(theta) = 1 + 2 sum_{m=1..l} cos(m theta),

over classes of angle theta with the weight 1 - cos theta, and over both signs where irreps have a
parity. With p_k(g) = chi_V(g^k), the character of V^(x)nu is p_1^nu, and that of Sym^nu V is h_nu
of nu h_nu = sum_{k=1..nu} p_k h_{nu-k} (Newton).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from impls.so3.irreps import Irrep, Irreps
from impls.spaces import Array


@dataclass(frozen=True)
class Count:
    """Dimensions of the maps from powers of a feature to one irrep: of one degree.

    `minimal` is dim Hom(Sym^nu V, l), `nested` is dim Hom(V^(x)nu, l).
    """

    minimal: int
    nested: int

    def __add__(self, other: Count) -> Count:
        """Return both added: those of several degrees, or of several irreps."""
        return Count(self.minimal + other.minimal, self.nested + other.nested)


def count(irreps: Irreps, out: Irrep, nu: int) -> Count:
    """Return how many maps of degree nu there are from a feature to one irrep.

    >>> natural = Irreps.parse("0e+1o+2e+3o")
    >>> count(natural, Irrep.parse("0e"), 3)
    Count(minimal=8, nested=23)

    Raises:
        ValueError: for a degree below 1, or an irrep with a parity where the others have none.
    """
    if nu < 1:
        raise ValueError(f"nu={nu}: a polynomial that is equivariant has degree 1 or more here")
    if any((ir.p == 0) != (out.p == 0) for _, ir in irreps):
        raise ValueError(f"{out} and {irreps}: write all with a parity (O(3)), or none (SO(3))")
    points = nu * irreps.lmax + out.l + 2
    angles = 2 * np.pi * np.arange(points) / points
    weights = (1 - np.cos(angles)) / points
    minimal = nested = 0.0
    for sign in (1, -1):
        powers = [_character(irreps, k * angles, sign**k) for k in range(1, nu + 1)]
        of_out = weights * _parity(out, sign) * _of_degree(out.l, angles) / 2
        minimal += float(of_out @ _symmetric(powers))
        nested += float(of_out @ powers[0] ** nu)
    return Count(_whole(minimal), _whole(nested))


def up_to(irreps: Irreps, out: Irrep, nu: int) -> Count:
    """Return how many there are of the degrees 1..nu together.

    >>> natural = Irreps.parse("0e+1o+2e+3o")
    >>> up_to(natural, Irrep.parse("0e"), 3) + up_to(natural, Irrep.parse("1o"), 3)
    Count(minimal=29, nested=86)

    Raises:
        ValueError: as `count`.
    """
    return sum((count(irreps, out, degree) for degree in range(1, nu + 1)), Count(0, 0))


def _of_degree(degree: int, angles: Array) -> Array:
    orders = np.arange(-degree, degree + 1)
    return np.asarray(np.cos(np.multiply.outer(angles, orders)).sum(-1))


def _parity(ir: Irrep, sign: int) -> int:
    return ir.p if sign < 0 and ir.p else 1


def _character(irreps: Irreps, angles: Array, sign: int) -> Array:
    """Return chi_V of rotations by some angles, times the inversion where `sign` is -1."""
    terms = [mul * _parity(ir, sign) * _of_degree(ir.l, angles) for mul, ir in irreps]
    return np.asarray(np.sum(terms, axis=0))


def _symmetric(powers: list[Array]) -> Array:
    """Return h_nu of the power sums p_1..p_nu."""
    found = [np.ones_like(powers[0])]
    for degree in range(1, len(powers) + 1):
        terms = [powers[k - 1] * found[degree - k] for k in range(1, degree + 1)]
        found.append(np.sum(terms, axis=0) / degree)
    return found[-1]


def _whole(value: float) -> int:
    """Return a dimension, which is a whole number but for rounding."""
    if not math.isclose(value, round(value), rel_tol=1e-9, abs_tol=1e-6):
        raise ArithmeticError(f"a dimension of {value} is no whole number: the degree is too high")
    return round(value)
