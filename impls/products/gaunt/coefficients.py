"""Gaunt product by its explicit coefficients: one outer product times one dense matrix.

z = (x outer y) G with G [dim(x) dim(y), dim(z)], O(L^6) multiplications in one matrix product
[@luo2024].
"""

from __future__ import annotations

import math

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.problem import BYTES, Problem, Refusal
from impls.products.gaunt.operation import paths_of
from impls.so3.wigner import gaunt

LARGEST = 2**30
"""Largest table of coefficients [B]; degrees 0..19 times 0..19 in float32 are just below."""


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse a table larger than LARGEST, which grows with the sixth power of the degree."""
    size = math.prod(irreps.dim for irreps in irreps_of(problem)) * BYTES[problem.dtype]
    if size > LARGEST:
        return Refusal(
            f"the table of all coefficients has {size / 2**30:.1f} GiB, more than "
            f"{LARGEST / 2**30:.0f} GiB",
            "use grid, fourier or lebedev, which need O(L^4) numbers or fewer",
        )
    return None


def coefficient_matrix(problem: Problem) -> np.ndarray:
    """Return all Gaunt coefficients [dim(x), dim(y), dim(z)]."""
    first, second, out = irreps_of(problem)
    in1, in2, in3 = first.slices(), second.slices(), out.slices()
    matrix = np.zeros((first.dim, second.dim, out.dim))
    for (i1, i2, i3), (ir1, ir2, ir3) in paths_of(problem).items():
        matrix[in1[i1], in2[i2], in3[i3]] = gaunt(ir1.l, ir2.l, ir3.l)
    return matrix


def coefficients(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    return outer_product(coefficient_matrix(problem), b)


def outer_product(table: np.ndarray, b: Backend) -> Built:
    """Build z = (x outer y) G for any coefficients [dim(x), dim(y), dim(z)]."""
    matrix = b.table(table.reshape(-1, table.shape[-1]))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, y = inputs["x"], inputs["y"]
        pairs = b.outer(x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1]))
        return {"z": (pairs @ matrix).reshape(*x.shape[:-1], matrix.shape[1])}

    return Built(call, kernel="one matrix product")


ALGORITHM = Algorithm(
    "gaunt",
    "coefficients",
    "explicit coefficients",
    coefficients,
    supports=supports,
    papers=("luo2024",),
    growth=Growth({"lmax": 6, "channels": 1}),
)
