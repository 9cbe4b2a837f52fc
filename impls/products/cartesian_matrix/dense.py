"""Product of 3 x 3 matrices: convert, X Y + Y X or 2 X Y, convert back [@simeon2023].

One matrix product converts x, one y and one z, all part of the call, and 27 or 54 multiplications
are the product of matrices. Degrees up to 2, fixed coefficients.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.cartesian_matrix.operation import anticommutes, coefficients
from impls.so3.irreps import Irreps

Array = NDArray[np.float64]


def basis(l: int) -> Array:  # noqa: E741 -- the field's name for a degree
    """Return the orthonormal 3 x 3 matrices of degree 0, 1 or 2, [2l+1, 3, 3]."""
    found = np.zeros((2 * l + 1, 3, 3))
    x, y, z = range(3)
    if l == 0:
        found[0] = np.eye(3) / np.sqrt(3)
    elif l == 1:
        for m in range(3):
            i, j = (m + 1) % 3, (m + 2) % 3
            found[m, i, j], found[m, j, i] = 1 / np.sqrt(2), -1 / np.sqrt(2)
    else:
        for m, (i, j) in {0: (x, z), 1: (x, y), 3: (y, z)}.items():
            found[m, i, j] = found[m, j, i] = 1 / np.sqrt(2)
        found[2] = np.diag([-1.0, 2.0, -1.0]) / np.sqrt(6)
        found[4] = np.diag([-1.0, 0.0, 1.0]) / np.sqrt(2)
    return found


def conversion(irreps: Irreps) -> Array:
    """Return the isometry from components to matrices [dim, 9]."""
    return np.concatenate([basis(ir.l).reshape(-1, 9) for _, ir in irreps])


def dense(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm in a framework."""
    first, second, out = irreps_of(problem)
    from_x, from_y = b.table(conversion(first)), b.table(conversion(second))
    ends = {i3 for _, _, i3 in coefficients(problem)}
    kept = np.repeat([i3 in ends for i3 in range(len(out))], [ir.dim for _, ir in out])
    to_z = b.table(conversion(out).T * kept)
    both = anticommutes(problem)
    if not both:
        to_z = 2 * to_z

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        shape = inputs["x"].shape[:-1]
        x = (inputs["x"].reshape(-1, first.dim) @ from_x).reshape(-1, 3, 3)
        y = (inputs["y"].reshape(-1, second.dim) @ from_y).reshape(-1, 3, 3)
        z = x @ y + y @ x if both else x @ y
        return {"z": (z.reshape(-1, 9) @ to_z).reshape(*shape, out.dim)}

    return Built(call, kernel=f"batched {'X Y + Y X' if both else 'X Y'} of 3 x 3 matrices")


ALGORITHM = Algorithm(
    "cartesian_matrix", "dense", "dense conversions", dense, papers=("simeon2023",)
)
