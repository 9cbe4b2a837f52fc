"""Matrix product with all blocks, by dense conversions: one matrix product each way, and X Y.

Matrices of size (J+1)^2, J = ceil((L1+L2)/2): O(L^6) multiplications [@xie2025]. This is not the
product of a single block.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.matrix_multiblock.operation import largest_block, reached
from impls.so3.irreps import Irreps
from impls.so3.symbols import triangle
from impls.so3.wigner import clebsch_gordan


def conversion(irreps: Irreps, largest: int, kept: Sequence[int] | None = None) -> np.ndarray:
    """Return sqrt(2l+1) C(a,b,l) as [(J+1)^4, dim]; zeros for irreps whose index is not kept."""
    size = (largest + 1) ** 2
    table = np.zeros((size, size, irreps.dim))
    for i, (part, (_, ir)) in enumerate(zip(irreps.slices(), irreps, strict=True)):
        if kept is not None and i not in kept:
            continue
        for a in range(largest + 1):
            for b in range(largest + 1):
                if triangle(a, b, ir.l):
                    rows, columns = slice(a * a, (a + 1) ** 2), slice(b * b, (b + 1) ** 2)
                    table[rows, columns, part] = clebsch_gordan(a, b, ir.l)
    return table.reshape(size * size, irreps.dim)


def dense(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm in a framework."""
    first, second, out = irreps_of(problem)
    largest = largest_block(problem)
    from_x = b.table(conversion(first, largest).T)
    from_y = b.table(conversion(second, largest).T)
    to_z = b.table(conversion(out, largest, reached(problem)))
    size = (largest + 1) ** 2

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        shape = inputs["x"].shape[:-1]
        x = (inputs["x"].reshape(-1, from_x.shape[0]) @ from_x).reshape(-1, size, size)
        y = (inputs["y"].reshape(-1, from_y.shape[0]) @ from_y).reshape(-1, size, size)
        z = (x @ y).reshape(-1, size * size) @ to_z
        return {"z": z.reshape(*shape, to_z.shape[1])}

    return Built(call, kernel=f"batched product of {size} x {size} matrices")


ALGORITHM = Algorithm("matrix_multiblock", "dense", "dense conversions", dense, papers=("xie2025",))
