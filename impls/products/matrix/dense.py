"""Matrix product by dense conversions: one matrix product each way, and a batched X Y [@unke2024].

Z = X Y with 2j+1 = L + 1 or L + 2 rows, L the largest degree: O(L^4) multiplications in the
conversions, O(L^3) in the product. Fixed coefficients, both parities of l1+l2+l3.

Batched products of small matrices may run on another code path than those of larger ones, and take
longer. With the option `rows` the matrices have at least so many: X and Y are padded with zeros,

    [X 0; 0 0] [Y 0; 0 0] = [X Y 0; 0 0],

which the conversions do at no cost but that of a wider table. 0 pads nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.matrix.operation import block_of, coefficients
from impls.so3.irreps import Irreps
from impls.so3.wigner import clebsch_gordan


def conversion(irreps: Irreps, j: int, kept: Sequence[int] | None = None) -> np.ndarray:
    """Return sqrt(2l+1) C(j,j,l) as [(2j+1)^2, dim]; zeros for irreps whose index is not kept."""
    tensors = []
    for i, (_, ir) in enumerate(irreps):
        tensor = clebsch_gordan(j, j, ir.l).reshape(-1, ir.dim)
        tensors.append(tensor if kept is None or i in kept else np.zeros(tensor.shape))
    return np.concatenate(tensors, axis=1)


ROWS = (0, 9)
"""The least number of rows of a matrix; 9 are those at L = 4."""


def padded(table: np.ndarray, rows: int) -> np.ndarray:
    """Return a conversion [n^2, dim] to matrices of `rows` rows, n at least; zeros beyond n."""
    size = math.isqrt(len(table))
    more = max(0, rows - size)
    square = np.pad(table.reshape(size, size, -1), ((0, more), (0, more), (0, 0)))
    return square.reshape((size + more) ** 2, -1)


def multiplied(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return T [dim1, dim2, dim3] with z = T x y, of three conversions [n^2, dim]."""
    size = math.isqrt(len(x))
    first, second, out = (table.reshape(size, size, -1) for table in (x, y, z))
    return np.einsum("abi,bcj,ack->ijk", first, second, out, optimize=True)


def dense(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm in a framework."""
    first, second, out = irreps_of(problem)
    j = block_of(problem)
    reached = sorted({i3 for _, _, i3 in coefficients(problem)})
    rows = int(options["rows"])
    from_x = b.table(padded(conversion(first, j), rows).T)
    from_y = b.table(padded(conversion(second, j), rows).T)
    to_z = b.table(padded(conversion(out, j, reached), rows))
    size = max(2 * j + 1, rows)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        shape = inputs["x"].shape[:-1]
        x = (inputs["x"].reshape(-1, from_x.shape[0]) @ from_x).reshape(-1, size, size)
        y = (inputs["y"].reshape(-1, from_y.shape[0]) @ from_y).reshape(-1, size, size)
        z = (x @ y).reshape(-1, size * size) @ to_z
        return {"z": z.reshape(*shape, to_z.shape[1])}

    return Built(call, kernel=f"batched product of {size} x {size} matrices")


ALGORITHM = Algorithm(
    "matrix",
    "dense",
    "dense conversions",
    dense,
    options={"rows": ROWS},
    papers=("unke2024",),
    growth=Growth({"lmax": 4, "channels": 1}),
)
