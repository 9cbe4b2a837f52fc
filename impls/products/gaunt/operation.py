r"""Gaunt product: multiply two functions on the sphere.

With f_x = sum_lm x_lm Y_lm in orthonormal real harmonics, z holds the coefficients of f_x f_y:

    z[l3][m3] = sum_{l1 l2} sum_{m1 m2} G(l1,l2,l3)[m1, m2, m3] x[l1][m1] y[l2][m2],
    G(l1,l2,l3) = sqrt((2l1+1)(2l2+1)(2l3+1)/4pi) |(l1 l2 l3; 0 0 0)| C(l1,l2,l3)

with C of unit norm [@luo2024]. All paths into one output irrep are summed, with fixed coefficients,
so the output has one copy of each irrep asked for, in the order of `irreps_out`. Selection rule:
triangle and l1+l2+l3 even; hence no cross product, and no pseudo-tensor from tensors. Outputs that
no path reaches stay in z as exact zeros.

Each input is one function on the sphere: with parity, all its irreps are (l, s (-1)^l) with one
sign s, and outputs have the product of both signs. Cost: O(L^6) with all coefficients, O(L^4) by
points, O(L^3) on a separable grid, O(L^2 log L) by Fourier series but for its O(L^3) ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

import numpy as np
from scipy.special import sph_harm_y

from impls.families.product import irreps_of, irreps_space, samples_of, shape_of
from impls.growth import Growth
from impls.operation import AtPoints, Operation, Path, exact
from impls.problem import Problem, Refusal
from impls.products.costs import of_coefficients
from impls.so3.irreps import Irrep, Irreps
from impls.so3.wigner import gaunt_coefficient
from impls.spaces import Array, Arrays, Space

Triple = tuple[int, int, int]


def triples_of(problem: Problem) -> Iterator[tuple[Triple, tuple[Irrep, Irrep, Irrep]]]:
    """Yield the positions and irreps of all triples within the triangle rule, whatever parity."""
    first, second, out = irreps_of(problem)
    for i1, (_, ir1) in enumerate(first):
        for i2, (_, ir2) in enumerate(second):
            for i3, (_, ir3) in enumerate(out):
                if abs(ir1.l - ir2.l) <= ir3.l <= ir1.l + ir2.l:
                    yield (i1, i2, i3), (ir1, ir2, ir3)


def paths_of(problem: Problem) -> Mapping[Triple, tuple[Irrep, Irrep, Irrep]]:
    """Return the paths that do not vanish: triangle, even l1+l2+l3 and p3 = p1 p2."""
    return {
        where: irreps
        for where, irreps in triples_of(problem)
        if _even(irreps) and irreps[2].p == irreps[0].p * irreps[1].p
    }


def reached(problem: Problem) -> tuple[bool, ...]:
    """Tell for each output irrep whether a path ends in it; if not, it is identically zero."""
    ends = {i3 for _, _, i3 in paths_of(problem)}
    return tuple(i3 in ends for i3 in range(len(irreps_of(problem)[2])))


def one_function(problem: Problem) -> Refusal | None:
    """Refuse inputs that are not one function on the sphere, and outputs out of reach."""
    first, second, out = irreps_of(problem)
    for name, irreps in (("irreps_in1", first), ("irreps_in2", second)):
        if irreps.parity and len(_signs(irreps)) > 1:
            return Refusal(
                f"{name}={irreps} is not one function on the sphere: it mixes parities (-1)^l and "
                "-(-1)^l",
                "use 0e+1o+2e... or 0o+1e+2o...",
            )
    if any(triples_of(problem)):
        return None
    return Refusal(
        f"empty: no path of {first} x {second} ends in {out}", "ask for |l1-l2| <= l3 <= l1+l2"
    )


def nonzeros(l1: int, l2: int, l3: int) -> int:
    """Count the entries of C(l1,l2,l3) that the orders allow.

    One |m| is the sum or the difference of the other two, and the number of negative orders has
    the parity of l1+l2+l3. A few of these entries vanish all the same (1 % at degree 6).
    """
    m1, m2 = np.arange(-l1, l1 + 1)[:, None], np.arange(-l2, l2 + 1)
    far, near = np.abs(m1) + np.abs(m2), np.abs(np.abs(m1) - np.abs(m2))
    signs = ((m1 < 0).astype(int) + (m2 < 0)) % 2 == (l1 + l2 + l3) % 2
    first = (far <= l3) & ((far > 0) | signs)
    second = (near <= l3) & (near < far) & ((near > 0) | signs)
    return int(np.count_nonzero(first) + np.count_nonzero(second))


def _even(irreps: tuple[Irrep, Irrep, Irrep]) -> bool:
    return sum(ir.l for ir in irreps) % 2 == 0


def _signs(irreps: Irreps) -> set[int]:
    return {ir.p * (-1) ** ir.l for _, ir in irreps}


def _supports(problem: Problem) -> Refusal | None:
    refusal = one_function(problem)
    if refusal or paths_of(problem):
        return refusal
    triples = [irreps for _, irreps in triples_of(problem)]
    if not any(_even(irreps) for irreps in triples):
        return Refusal(
            "identically zero: l1+l2+l3 odd for every path", "use clebsch_gordan, or other degrees"
        )
    return Refusal(
        "identically zero: the parity of every output differs from p1 p2",
        "ask for outputs of parity p1 p2",
    )


def _outputs(problem: Problem) -> Mapping[str, Space]:
    out = irreps_of(problem)[2]
    return {"z": irreps_space(shape_of(problem, out), out)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Multiply the functions point by point and project, on a grid finer than needed."""
    first, second, out = (_degrees(irreps) for irreps in irreps_of(problem))
    degree = max(first) + max(second) + max(out)
    values, _ = _harmonics(first, degree)
    values2, _ = _harmonics(second, degree)
    back, weight = _harmonics(out, degree)
    product = (inputs["x"] @ values.T) * (inputs["y"] @ values2.T)
    kept = np.repeat(reached(problem), [2 * l3 + 1 for l3 in out])
    return {"z": np.where(kept, (product * weight) @ back, 0.0)}


def _degrees(irreps: Irreps) -> tuple[int, ...]:
    return tuple(ir.l for _, ir in irreps)


@lru_cache(maxsize=64)
def _harmonics(degrees: tuple[int, ...], degree: int) -> tuple[Array, Array]:
    """Return orthonormal real harmonics [points, sum of 2l+1] and quadrature weights [points].

    Three more nodes than `degree` needs. The integrals do not depend on the choice of polar axis.
    """
    nodes, node_weights = np.polynomial.legendre.leggauss(degree // 2 + 4)
    azimuths = 2 * np.pi / (degree + 4) * np.arange(degree + 4)
    theta = np.arccos(nodes)
    columns = []
    for l in degrees:  # noqa: E741
        for m in range(-l, l + 1):
            # (-1)^m removes the Condon-Shortley phase of SciPy
            polar = (-1) ** m * sph_harm_y(l, abs(m), theta, 0.0).real
            wave = np.sin(-m * azimuths) if m < 0 else np.cos(m * azimuths)
            columns.append(np.outer(polar, wave).ravel() * (np.sqrt(2) if m else 1.0))
    weight = np.repeat(node_weights, len(azimuths)) * (2 * np.pi / len(azimuths))
    return np.stack(columns, axis=-1), weight


def _coefficients(problem: Problem) -> Mapping[Path, float]:
    return {
        where: gaunt_coefficient(ir1.l, ir2.l, ir3.l)
        for where, (ir1, ir2, ir3) in paths_of(problem).items()
    }


def _cost(problem: Problem) -> Mapping[str, float]:
    nonzero = sum(nonzeros(ir1.l, ir2.l, ir3.l) for ir1, ir2, ir3 in paths_of(problem).values())
    numbers = sum(irreps.dim for irreps in irreps_of(problem))
    return of_coefficients(problem, samples_of(problem), nonzero, numbers)


def at_points(problem: Problem) -> AtPoints:
    """Return both functions, and the irreps of the output that do not vanish."""
    first, second, out = irreps_of(problem)
    kept = (item for item, k in zip(out.items, reached(problem), strict=True) if k)
    return AtPoints((first, second), Irreps(tuple(kept)))


OPERATION = Operation(
    name="gaunt",
    title="Gaunt product",
    family="product",
    summary="product of two functions on the sphere; all paths into an irrep are summed",
    papers=("luo2024", "xie2025"),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    linear_in=(("x", 1), ("y", 1)),
    coefficients=_coefficients,
    at_points=at_points,
    users=("luo2024",),
    growth=Growth({"lmax": 5, "channels": 1}),
)
