"""Parity-split matrix product by dense conversions: four batched products of matrices.

Conversions are the tables of `matrix`, restricted to the irreps of a part; a part or a product that
no output needs is left out. O(L^4) multiplications in the conversions, O(L^3) in the products
[@unke2024].
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.fused_matrix.operation import PARTS, segments_of, sign_of
from impls.products.matrix.dense import conversion
from impls.products.matrix.operation import block_of
from impls.so3.irreps import Irreps


def dense(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm in a framework."""
    first, second, out = irreps_of(problem)
    j, segments = block_of(problem), segments_of(problem)
    size = 2 * j + 1
    used = [part for part in PARTS if any(part == product for product, _ in segments)]
    from_x = {p: b.table(part_of(first, j, p).T) for p in {p for p, _ in used}}
    from_y = {q: b.table(part_of(second, j, q).T) for q in {q for _, q in used}}
    to_z = {}
    for part in used:
        items = tuple(out.items[i3] for product, i3 in segments if product == part)
        to_z[part] = b.table(conversion(Irreps(items), j))

    def matrices(tables: dict[int, Any], a: Any) -> dict[int, Any]:
        flat = a.reshape(-1, a.shape[-1])
        return {p: (flat @ table).reshape(-1, size, size) for p, table in tables.items()}

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, y = matrices(from_x, inputs["x"]), matrices(from_y, inputs["y"])
        z = b.concatenate(
            [(x[p] @ y[q]).reshape(-1, size * size) @ to_z[p, q] for p, q in used], -1
        )
        return {"z": z.reshape(*inputs["x"].shape[:-1], z.shape[-1])}

    return Built(call, kernel=f"{len(used)} batched products of {size} x {size} matrices")


def part_of(irreps: Irreps, j: int, sign: int) -> np.ndarray:
    """Return the conversion of the even or the odd part; zeros for the other's irreps."""
    return conversion(irreps, j, [i for i, (_, ir) in enumerate(irreps) if sign_of(ir) == sign])


ALGORITHM = Algorithm(
    "fused_matrix",
    "dense",
    "dense conversions, four products",
    dense,
    papers=("unke2024",),
    growth=Growth({"lmax": 4, "channels": 1}),
)
