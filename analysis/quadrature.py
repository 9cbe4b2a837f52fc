r"""Which points a product of functions on the sphere needs, and what the next smaller rule loses.

A layer that multiplies functions f_1 .. f_nu of degrees up to L_1 .. L_nu at points n_p, and takes
the coefficients of the product up to L_out,

    z_lm = sum_p w_p Y_lm(n_p) f_1(n_p) .. f_nu(n_p),

integrates polynomials of degree D = L_1 + .. + L_nu + L_out: it is the product of the functions if
the rule is exact for D. A grid that is exact for one function, or for a product without L_out,
aliases: some degree comes back as another, the layer is wrong and not equivariant, and nothing else
tells. `smallest` finds by measuring, rule by rule, the first that is exact, whatever is derived.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from impls.so3.designs import LARGEST, t_design
from impls.so3.equiangular import driscoll_healy
from impls.so3.harmonics import spherical_harmonics
from impls.so3.quadrature import ProductGrid, gauss_legendre, lebedev
from impls.spaces import Array

EXACT = 1e-11
"""Largest error of an exact rule: rounding, of which t-designs have the most."""
DRAWS = 16
_FINER = 7
"""What is compared with is a Gauss-Legendre grid for a degree so much higher."""

Degrees = Sequence[int]


@dataclass(frozen=True)
class Rule:
    """Points [n, 3] with weights [n] that are said to be exact up to `degree`; its size in words.

    A product grid is "rings x azimuths", other rules are "n points".
    """

    degree: int
    points: Array
    weights: Array
    size: str

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.weights)


@dataclass(frozen=True)
class Advice:
    """The smallest exact rule of a kind, and the next smaller one with its errors by degree.

    `error` and `below` are the errors of both for each output degree. Where no rule is smaller,
    `smaller` is None and `below` empty.
    """

    rule: Rule
    error: Mapping[int, float]
    smaller: Rule | None
    below: Mapping[int, float]


def _product(make: Callable[[int], ProductGrid], degree: int) -> Rule:
    grid = make(degree)
    size = f"{len(grid.cos_theta)} x {len(grid.phi)}"
    return Rule(degree, grid.points().reshape(-1, 3), grid.weights().ravel(), size)


def _scattered(make: Callable[[int], tuple[Array, Array]], degree: int) -> Rule:
    points, weights = make(degree)
    return Rule(degree, points, weights, f"{len(points)} points")


KINDS: Mapping[str, Callable[[int], Rule]] = {
    "gauss_legendre": lambda degree: _product(gauss_legendre, degree),
    "driscoll_healy": lambda degree: _product(driscoll_healy, degree),
    "lebedev": lambda degree: _scattered(lebedev, degree),
    "t_design": lambda degree: _scattered(t_design, degree),
}
"""Rules by kind: the smallest that is said to be exact up to a degree.

ValueError where none is.
"""
LIMITS: Mapping[str, int] = {"lebedev": 131, "t_design": LARGEST}
"""Largest degree of a kind, where there is one."""


def degree_of(factors: Sequence[Degrees], out: Degrees) -> int:
    """Return D, the degree that is integrated.

    >>> degree_of([[0, 1, 2], [0, 1, 2]], [0, 1, 2])
    6
    """
    return sum(max(degrees) for degrees in factors) + max(out)


def smallest(kind: str, factors: Sequence[Degrees], out: Degrees, *, seed: int = 0) -> Advice:
    """Return the smallest rule of a kind that is exact for a product of functions.

    `factors` are the degrees of each function, `out` those that are kept. Rules are tried from the
    coarsest on, those of kinds without limit up to degree D + 3.

    >>> advice = smallest("gauss_legendre", [[0, 1], [0, 1]], [0, 1])
    >>> advice.rule.size, advice.smaller.size
    ('2 x 4', '2 x 3')

    Raises:
        ValueError: for a kind that is not there, no factor or degree, or where no rule of the kind
            is exact.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}: choose {', '.join(KINDS)}")
    if not factors or not out or not all(factors):
        raise ValueError("a product needs factors and outputs, with a degree each")
    most = min(LIMITS.get(kind, 10**9), degree_of(factors, out) + 3)
    before: tuple[Rule, Mapping[int, float]] | None = None
    for degree in range(most + 1):
        rule = KINDS[kind](degree)
        if before is not None and len(rule) == len(before[0]):
            continue
        found = errors(rule, factors, out, seed=seed)
        if max(found.values()) < EXACT:
            smaller, below = before if before is not None else (None, {})
            return Advice(rule, found, smaller, below)
        before = rule, found
    raise ValueError(
        f"no rule of kind {kind} up to degree {most} is exact for degree "
        f"{degree_of(factors, out)}: use gauss_legendre, which has no limit"
    )


def errors(
    rule: Rule, factors: Sequence[Degrees], out: Degrees, *, seed: int = 0
) -> dict[int, float]:
    """Return by output degree how far a rule is from the coefficients of a product of functions.

    The functions have random coefficients of unit variance in orthonormal harmonics, drawn DRAWS
    times. An error is the root mean square of the differences in one degree, over that of all
    coefficients in `out`.
    """
    rng = np.random.default_rng(seed)
    drawn = [rng.standard_normal((DRAWS, sum(2 * l + 1 for l in degrees))) for degrees in factors]  # noqa: E741
    exact = _product(gauss_legendre, degree_of(factors, out) + _FINER)
    found, wanted = (_coefficients(one, drawn, factors, out) for one in (rule, exact))
    scale = float(np.sqrt(np.mean(np.concatenate([*wanted.values()], axis=1) ** 2)))
    return {
        degree: float(np.sqrt(np.mean((found[degree] - wanted[degree]) ** 2))) / scale
        for degree in dict.fromkeys(out)
    }


def _coefficients(
    rule: Rule, drawn: Sequence[Array], factors: Sequence[Degrees], out: Degrees
) -> dict[int, Array]:
    """Return the coefficients [draws, 2l+1] of the product, by degree."""
    most = max(max(degrees) for degrees in (*factors, out))
    harmonics = spherical_harmonics(most, rule.points)

    def columns(degrees: Degrees) -> Array:
        parts = [harmonics[:, degree**2 : (degree + 1) ** 2] for degree in degrees]
        return np.concatenate(parts, axis=1)

    values = np.ones((len(drawn[0]), len(rule)))
    for coefficients, degrees in zip(drawn, factors, strict=True):
        values = values * (coefficients @ columns(degrees).T)
    return {degree: (values * rule.weights) @ columns([degree]) for degree in dict.fromkeys(out)}
