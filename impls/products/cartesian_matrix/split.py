r"""Product of 3 x 3 matrices of which scalar, vector and symmetric part are kept apart.

X = s 1/sqrt3 + N(a)/sqrt2 + S with N(a)_ij = eps_ijm a_m, and Y of t, b, T alike, so that no
antisymmetric and no 3 x 3 array is formed [@simeon2023]. With v(M)_m = eps_ijm M_ij the parts of
X Y, those of even l1+l2+l3 before those of odd ones, are

    trace:   s t - a.b + S:T
    v:       sqrt(2/3)(s b + t a) - (T a + S b)/sqrt2,               (b x a)/2 + v(S T)
    sym.:    (s T + t S)/sqrt3 + sym(a b)/2 + sym(S T),              sym(N(a) T - N(b) S)/sqrt2

and Z has twice those that the operation keeps. A symmetric matrix is its diagonal d and what is
beside it, o_i = S_jk with i, j, k cyclic; each product is one of d, o and their cyclic shifts.
Elementwise: as many calls as terms, or one loop where they are fused. Components come first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.cartesian_matrix.dense import basis
from impls.products.cartesian_matrix.operation import anticommutes, coefficients
from impls.so3.irreps import Irreps

NEXT, AFTER = np.array([1, 2, 0]), np.array([2, 0, 1])


def parts_of(irreps: Irreps) -> np.ndarray:
    """Return the table [10, dim] to scalar, vector, diagonal and what is beside it."""
    found = np.zeros((10, irreps.dim))
    for place, (_, ir) in zip(irreps.slices(), irreps, strict=True):
        if ir.l < 2:
            found[ir.l : 3 * ir.l + 1, place] = np.eye(ir.dim)
        else:
            matrices = basis(2)
            found[4:7, place] = np.diagonal(matrices, axis1=1, axis2=2).T
            found[7:, place] = matrices[:, NEXT, AFTER].T
    return found


def split(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    first, second, out = irreps_of(problem)
    of_x, of_y = b.table(parts_of(first)), b.table(parts_of(second))
    ends = {i3 for _, _, i3 in coefficients(problem)}
    kept = np.repeat([i3 in ends for i3 in range(len(out))], [ir.dim for _, ir in out])
    # a component of z is a product of matrices: what is beside a diagonal counts twice
    scale = np.repeat([2 / 3**0.5, 2**0.5, 2, 4], [1, 3, 3, 3])
    to_z = b.table(parts_of(out).T * scale * kept[:, None])
    odd, rolled = not anticommutes(problem), (b.index(NEXT), b.index(AFTER))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        shape = inputs["x"].shape[:-1]
        x = of_x @ inputs["x"].reshape(-1, first.dim).swapaxes(0, 1)
        y = of_y @ inputs["y"].reshape(-1, second.dim).swapaxes(0, 1)
        z = b.concatenate(_product(x, y, odd, rolled, b), 0)
        return {"z": (to_z @ z).swapaxes(0, 1).reshape(*shape, out.dim)}

    return Built(call, kernel="scalar, vector and symmetric parts, elementwise")


def _product(x: Any, y: Any, odd: bool, rolled: tuple[Any, Any], b: Backend) -> list[Any]:
    """Return the four parts of the product, half of them that are kept."""

    def shifted(part: Any) -> tuple[Any, Any, Any]:
        return part, *(b.take(part, index, 0) for index in rolled)

    s, (a, a1, a2), (d, d1, d2), (o, o1, o2) = x[:1], *map(shifted, (x[1:4], x[4:7], x[7:]))
    t, (c, c1, c2), (e, e1, e2), (q, q1, q2) = y[:1], *map(shifted, (y[1:4], y[4:7], y[7:]))
    trace = s * t + (d * e + 2 * o * q - a * c).sum(0)[None]
    acted = e * a + q2 * a1 + q1 * a2 + d * c + o2 * c1 + o1 * c2
    vector = (s * c + t * a) * (2 / 3) ** 0.5 - acted * 0.5**0.5
    above, below = o2 * q1 + d1 * q + o * e2, o1 * q2 + o * e1 + d2 * q
    diagonal = (s * e + t * d) * 3**-0.5 + a * c / 2 + d * e + o1 * q1 + o2 * q2
    beside = (s * q + t * o) * 3**-0.5 + (a1 * c2 + a2 * c1) / 4 + (above + below) / 2
    if odd:
        vector = vector + (c1 * a2 - c2 * a1) / 2 + above - below
        across = a2 * q2 - a1 * q1 - c2 * o2 + c1 * o1
        over = a1 * q2 - a2 * q1 + a * (e2 - e1) - c1 * o2 + c2 * o1 - c * (d2 - d1)
        diagonal, beside = diagonal + across * 0.5**0.5, beside + over * 0.5**1.5
    return [trace, vector, diagonal, beside]


ALGORITHM = Algorithm(
    "cartesian_matrix",
    "split",
    "scalar, vector and symmetric parts apart",
    split,
    papers=("simeon2023",),
)
