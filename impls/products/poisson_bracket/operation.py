r"""Poisson bracket: the antisymmetric product of two functions on the sphere.

With f_x = sum_lm x_lm Y_lm in orthonormal real harmonics, z holds the coefficients of

    {f_x, f_y} = rhat . (grad f_x x grad f_y)
               = (d_theta f_x d_phi f_y - d_phi f_x d_theta f_y) / sin(theta),
    z[l3] = sum_{l1 l2} w(l1,l2,l3) C(l1,l2,l3) x[l1] y[l2],
    w = sqrt(l1(l1+1) l2(l2+1)) sqrt((2l1+1)(2l2+1)(2l3+1)/4pi) |(l1 l2 l3; 1 -1 0)|

with C of unit norm [@bochkarev2026]. All paths into one output irrep are summed, with fixed
coefficients, so the output has one copy of each irrep asked for, in the order of `irreps_out`;
where no path ends, it is exactly zero. Selection rule: triangle and l1+l2+l3 odd, hence l1, l2 and
l3 >= 1: it couples what the Gaunt product cannot, and nothing else. {f, f} = 0. The coefficients
grow like l1 l2.

Each input is one function on the sphere: with parity, all its irreps are (l, s (-1)^l) with one
sign s. The cross product makes the output a pseudo function, (l, -s1 s2 (-1)^l): from inputs of
natural parity it has no output of natural parity. Cost: O(L^6) with all coefficients, O(L^3) on a
separable grid, by two derivative transforms for each input.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import pi, sqrt

import numpy as np
from scipy.special import sph_harm_y

from impls.families.product import irreps_of, irreps_space, samples_of, shape_of
from impls.growth import Growth
from impls.operation import Operation, Path, exact
from impls.problem import Problem, Refusal
from impls.products.costs import of_coefficients
from impls.products.gaunt.operation import nonzeros, one_function, triples_of
from impls.so3.irreps import Irrep
from impls.so3.symbols import wigner_3j_symbol
from impls.spaces import Array, Arrays, Space

Triple = tuple[int, int, int]


def paths_of(problem: Problem) -> Mapping[Triple, tuple[Irrep, Irrep, Irrep]]:
    """Return the paths that do not vanish: triangle, odd l1+l2+l3 and p3 = p1 p2."""
    return {
        where: irreps
        for where, irreps in triples_of(problem)
        if _odd(irreps) and irreps[2].p == irreps[0].p * irreps[1].p
    }


def reached(problem: Problem) -> tuple[bool, ...]:
    """Tell for each output irrep whether a path ends in it; if not, it is identically zero."""
    ends = {i3 for _, _, i3 in paths_of(problem)}
    return tuple(i3 in ends for i3 in range(len(irreps_of(problem)[2])))


def bracket_coefficient(l1: int, l2: int, l3: int) -> float:
    """Return w of a path, by its closed form; 0 for even l1+l2+l3."""
    if (l1 + l2 + l3) % 2 == 0 or min(l1, l2, l3) == 0:
        return 0.0
    size = sqrt((2 * l1 + 1) * (2 * l2 + 1) * (2 * l3 + 1) / (4 * pi))
    return sqrt(l1 * (l1 + 1) * l2 * (l2 + 1)) * size * abs(wigner_3j_symbol(l1, l2, l3, 1, -1, 0))


def _odd(irreps: tuple[Irrep, Irrep, Irrep]) -> bool:
    return sum(ir.l for ir in irreps) % 2 == 1


def _supports(problem: Problem) -> Refusal | None:
    refusal = one_function(problem)
    if refusal or paths_of(problem):
        return refusal
    if not any(_odd(irreps) for _, irreps in triples_of(problem)):
        return Refusal(
            "identically zero: l1+l2+l3 even for every path", "use gaunt, or other degrees"
        )
    out = irreps_of(problem)[2]
    return Refusal(
        f"out of reach: the bracket is a pseudo function, and no irrep of {out} has its parity",
        "ask for outputs of parity p1 p2 (1o x 1o gives 1e), or for so3 (degrees only)",
    )


def _outputs(problem: Problem) -> Mapping[str, Space]:
    out = irreps_of(problem)[2]
    return {"z": irreps_space(shape_of(problem, out), out)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Differentiate with SciPy, form the bracket point by point, and project on a finer grid."""
    first, second, out = (tuple(ir.l for _, ir in irreps) for irreps in irreps_of(problem))
    degree = max(first) + max(second) + max(out)
    x, y = inputs["x"], inputs["y"]
    (_, theta_x, phi_x), (_, theta_y, phi_y) = (_sampled(d, degree) for d in (first, second))
    back = _sampled(out, degree)[0]
    sine, weight = _points(degree)[2:]
    bracket = (x @ theta_x) * (y @ phi_y) - (x @ phi_x) * (y @ theta_y)
    kept = np.repeat(reached(problem), [2 * l3 + 1 for l3 in out])
    return {"z": np.where(kept, (bracket * (weight / sine)) @ back.T, 0.0)}


@lru_cache(maxsize=64)
def _points(degree: int) -> tuple[Array, Array, Array, Array]:
    """Return theta, phi, sin(theta) and weights [points], three more nodes than needed."""
    nodes, node_weights = np.polynomial.legendre.leggauss(degree // 2 + 4)
    azimuths = 2 * np.pi / (degree + 4) * np.arange(degree + 4)
    theta, phi = (a.ravel() for a in np.meshgrid(np.arccos(nodes), azimuths, indexing="ij"))
    weight = np.repeat(node_weights, len(azimuths)) * (2 * np.pi / len(azimuths))
    return theta, phi, np.sin(theta), weight


@lru_cache(maxsize=64)
def _sampled(degrees: tuple[int, ...], degree: int) -> tuple[Array, Array, Array]:
    """Return real harmonics and their derivatives in theta and in phi [sum of 2l+1, points]."""
    theta, phi = _points(degree)[:2]
    rows: list[list[Array]] = [[], [], []]
    for l in degrees:  # noqa: E741
        for m in range(-l, l + 1):
            value, gradient = sph_harm_y(l, abs(m), theta, phi, diff_n=1)
            # (-1)^m removes the Condon-Shortley phase of SciPy
            scale = (-1) ** m * (np.sqrt(2) if m else 1.0)
            for row, entry in zip(rows, (value, gradient[..., 0], gradient[..., 1]), strict=True):
                row.append(scale * (entry.imag if m < 0 else entry.real))
    first, second, third = (np.stack(row) for row in rows)
    return first, second, third


def _coefficients(problem: Problem) -> Mapping[Path, float]:
    return {
        where: bracket_coefficient(ir1.l, ir2.l, ir3.l)
        for where, (ir1, ir2, ir3) in paths_of(problem).items()
    }


def _cost(problem: Problem) -> Mapping[str, float]:
    nonzero = sum(nonzeros(ir1.l, ir2.l, ir3.l) for ir1, ir2, ir3 in paths_of(problem).values())
    numbers = sum(irreps.dim for irreps in irreps_of(problem))
    return of_coefficients(problem, samples_of(problem), nonzero, numbers)


OPERATION = Operation(
    name="poisson_bracket",
    title="Poisson bracket",
    family="product",
    summary="bracket of two functions on the sphere: only paths of odd l1+l2+l3, summed",
    papers=("bochkarev2026", "xie2026"),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    linear_in=(("x", 1), ("y", 1)),
    coefficients=_coefficients,
    users=("bochkarev2026",),
    growth=Growth({"lmax": 5, "channels": 1}),
)
