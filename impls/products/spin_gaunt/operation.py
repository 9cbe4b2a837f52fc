r"""Spin-weighted Gaunt product: multiply functions of spin 0, and functions of spin 1 and -1.

With sF_x = sum_lm x_lm sY_lm in spin-weighted harmonics of real coefficients, the product of spins
s1 + s2 + s3 = 0 has the complex coefficients sqrt((2l1+1)(2l2+1)(2l3+1)/4pi) (l1 l2 l3; -s1 -s2
-s3) (l1 l2 l3; m1 m2 m3). In the basis of real harmonics its real part holds the paths of even and
its imaginary part those of odd l1+l2+l3 [@lin2026]. The even ones are taken of the spins (0,0,0),
the Gaunt product, whose coefficients have no accidental zeros and reach scalars; the odd ones of
(1,-1,0), the lowest that have them:

    z = coefficients of  f_x f_y + Im(conj(F_x) F_y),
    F = sum_{l>0,m} x_lm / sqrt(l(l+1)) (d_theta + i / sin(theta) d_phi) Y_lm,
    z[l3] = sum_{l1 l2} w(l1,l2,l3) C(l1,l2,l3) x[l1] y[l2],
    w = sqrt((2l1+1)(2l2+1)(2l3+1)/4pi) |(l1 l2 l3; s -s 0)|,  s = 0, 1 for l1+l2+l3 even, odd

with C of unit norm. F is the normalised gradient, so the second term is the Poisson bracket without
its growth like l1 l2 (see `poisson_bracket`). All paths into one output irrep are summed, with
fixed coefficients: one copy of each irrep asked for, in the order of `irreps_out`. Selection rule:
the triangle alone. Odd coefficients have a closed form of one term [@heyraud2026], hence no zero.

As a family of maps it has the 4L+1 dimensions of the Gaunt product, in a span of all paths;
`gaunt_bracket`, which keeps both terms apart, has 6L. Each input is one function on the sphere:
with parity, all its irreps are (l, s (-1)^l) with one sign s. Outputs (l, s1 s2 (-1)^l) then get
the even paths, and pseudo ones the odd. Where no odd path ends the operation is refused: that is
the Gaunt product. Cost: O(L^6) with all coefficients, O(L^3) on a separable grid.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from math import factorial, pi, sqrt

import numpy as np
from scipy.special import sph_harm_y

from impls.families.product import irreps_of, irreps_space, samples_of, shape_of
from impls.growth import Growth
from impls.operation import Operation, Path, exact
from impls.problem import Problem, Refusal
from impls.products.costs import of_coefficients
from impls.products.gaunt.operation import at_points, nonzeros, one_function, triples_of
from impls.so3.irreps import Irrep
from impls.so3.symbols import triangle
from impls.so3.wigner import gaunt_coefficient
from impls.spaces import Array, Arrays, Space

Triple = tuple[int, int, int]
Paths = Mapping[Triple, tuple[Irrep, Irrep, Irrep]]


def paths_of(problem: Problem) -> Paths:
    """Return the paths: triangle and p3 = p1 p2. None of their coefficients vanishes."""
    return {
        where: irreps
        for where, irreps in triples_of(problem)
        if irreps[2].p == irreps[0].p * irreps[1].p
    }


def reached(problem: Problem, rest: int) -> tuple[bool, ...]:
    """Tell for each output irrep whether a path with l1+l2+l3 = `rest` modulo 2 ends in it."""
    ends = {where[2] for where, irreps in paths_of(problem).items() if _odd(irreps) == rest}
    return tuple(i3 in ends for i3 in range(len(irreps_of(problem)[2])))


def spin_coefficient(l1: int, l2: int, l3: int) -> float:
    r"""Return w of a path, which is that of `gaunt` for even l1+l2+l3.

    For odd J = l1+l2+l3, with g = (J-1)/2, the symbol (l1 l2 l3; 1 -1 0) has the magnitude

        2 sqrt(prod (J-2l_i)! / (J+1)!) (g+1)! / prod (g-l_i)! / sqrt(l1(l1+1) l2(l2+1))

    [@heyraud2026], exact under the root. 0 for a violated triangle.

    >>> round(spin_coefficient(1, 1, 1), 6), round(spin_coefficient(1, 1, 2), 6)
    (0.598413, 0.690988)
    """
    total = l1 + l2 + l3
    if total % 2 == 0 or not triangle(l1, l2, l3):
        return gaunt_coefficient(l1, l2, l3)
    g = total // 2
    square = Fraction(4 * factorial(g + 1) ** 2, factorial(total + 1))
    square /= l1 * (l1 + 1) * l2 * (l2 + 1)
    for degree in (l1, l2, l3):
        square *= Fraction(factorial(total - 2 * degree), factorial(g - degree) ** 2)
        square *= 2 * degree + 1
    return sqrt(square / 4) / sqrt(pi)


def _odd(irreps: tuple[Irrep, Irrep, Irrep]) -> int:
    return sum(ir.l for ir in irreps) % 2


def _supports(problem: Problem) -> Refusal | None:
    refusal = one_function(problem)
    if refusal or any(reached(problem, 1)):
        return refusal
    out = irreps_of(problem)[2]
    if paths_of(problem):
        return Refusal(
            f"nothing but the Gaunt product: no path of odd l1+l2+l3 ends in {out}",
            "use gaunt, or ask for pseudo outputs, as 1e of 1o x 1o, or for degrees only (so3)",
        )
    return Refusal(
        "identically zero: the parity of every output differs from p1 p2",
        "ask for outputs of parity p1 p2",
    )


def _outputs(problem: Problem) -> Mapping[str, Space]:
    out = irreps_of(problem)[2]
    return {"z": irreps_space(shape_of(problem, out), out)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Multiply spin-weighted functions point by point, and project on a grid finer than needed."""
    degrees = [tuple(ir.l for _, ir in irreps) for irreps in irreps_of(problem)]
    degree = sum(max(found) for found in degrees)
    (zero_x, one_x), (zero_y, one_y), (back, _) = (_sampled(d, degree) for d in degrees)
    x, y = inputs["x"], inputs["y"]
    even = (x @ zero_x) * (y @ zero_y)
    odd = (np.conj(x @ one_x) * (y @ one_y)).imag
    weight = _points(degree)[2]
    parts = []
    for rest, values in enumerate((even, odd)):
        kept = np.repeat(reached(problem, rest), [2 * l3 + 1 for l3 in degrees[2]])
        parts.append(np.where(kept, (values * weight) @ back.T, 0.0))
    return {"z": parts[0] + parts[1]}


@lru_cache(maxsize=64)
def _points(degree: int) -> tuple[Array, Array, Array]:
    """Return theta, phi and weights [points], three more nodes than needed."""
    nodes, node_weights = np.polynomial.legendre.leggauss(degree // 2 + 4)
    azimuths = 2 * np.pi / (degree + 4) * np.arange(degree + 4)
    theta, phi = (a.ravel() for a in np.meshgrid(np.arccos(nodes), azimuths, indexing="ij"))
    return theta, phi, np.repeat(node_weights, len(azimuths)) * (2 * np.pi / len(azimuths))


@lru_cache(maxsize=64)
def _sampled(degrees: tuple[int, ...], degree: int) -> tuple[Array, Array]:
    """Return harmonics of real coefficients [sum of 2l+1, points]: of spin 0, and complex of 1."""
    theta, phi, _ = _points(degree)
    zero: list[Array] = []
    one: list[Array] = []
    for l in degrees:  # noqa: E741
        for m in range(-l, l + 1):
            value, gradient = sph_harm_y(l, abs(m), theta, phi, diff_n=1)
            # (-1)^m removes the Condon-Shortley phase of SciPy
            scale = (-1) ** m * (np.sqrt(2) if m else 1.0)
            real, d_theta, d_phi = (
                scale * (a.imag if m < 0 else a.real)
                for a in (value, gradient[..., 0], gradient[..., 1])
            )
            zero.append(real)
            one.append((d_theta + 1j * d_phi / np.sin(theta)) / np.sqrt(l * (l + 1) or 1))
    return np.stack(zero), np.stack(one)


def _coefficients(problem: Problem) -> Mapping[Path, float]:
    return {
        where: spin_coefficient(ir1.l, ir2.l, ir3.l)
        for where, (ir1, ir2, ir3) in paths_of(problem).items()
    }


def _cost(problem: Problem) -> Mapping[str, float]:
    nonzero = sum(nonzeros(ir1.l, ir2.l, ir3.l) for ir1, ir2, ir3 in paths_of(problem).values())
    numbers = sum(irreps.dim for irreps in irreps_of(problem))
    return of_coefficients(problem, samples_of(problem), nonzero, numbers)


OPERATION = Operation(
    name="spin_gaunt",
    title="Spin-weighted Gaunt product",
    family="product",
    summary="products of spin-weighted functions on the sphere: all paths, summed",
    papers=("lin2026", "heyraud2026"),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    linear_in=(("x", 1), ("y", 1)),
    coefficients=_coefficients,
    at_points=at_points,
    users=("lin2026",),
    growth=Growth({"lmax": 5, "channels": 1}),
)
