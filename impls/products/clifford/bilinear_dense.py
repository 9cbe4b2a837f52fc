"""Geometric bilinear by dense tables: linear maps as matrices, products as z = (x outer y) T.

A linear map is the matrix [out 16, in 16] that its weights and the basis [9, 16, 16] make, and both
products are [256, 16] matrices, nine tenths and more of them zeros: the einsums of [@brehmer2023].
"""

from __future__ import annotations

from typing import Any

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.clifford import bilinear_algebra as algebra


class Linear:
    """An equivariant linear map as one matrix: its weights times the basis."""

    def __init__(self, b: Backend) -> None:
        """Take the basis [9, 256]."""
        self.basis = b.table(algebra.maps().reshape(9, 256))

    def __call__(self, w: Any, u: Any) -> Any:
        """Return [batch, out, 16] of weights [9, out, in] and u [batch, in, 16]."""
        _, outside, inside = w.shape
        matrix = (w.reshape(9, -1).swapaxes(0, 1) @ self.basis).reshape(outside, inside, 16, 16)
        matrix = matrix.swapaxes(1, 2).reshape(outside * 16, inside * 16)
        return (u.reshape(-1, inside * 16) @ matrix.swapaxes(0, 1)).reshape(-1, outside, 16)


def dense(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer in a framework."""
    linear = Linear(b)
    products = [b.table(t.reshape(256, 16)) for t in algebra.products()]

    def multiply(left: Any, right: Any, table: Any) -> Any:
        outer = left[..., :, None] * right[..., None, :]
        return outer.reshape(*left.shape[:-1], 256) @ table

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        parts = [
            multiply(
                linear(weights["left"][s], inputs["x"]),
                linear(weights["right"][s], inputs["y"]),
                products[s],
            )
            for s in (0, 1)
        ]
        parts[1] = inputs["reference"][..., None] * parts[1]
        return {"z": linear(weights["out"][0], parts[0]) + linear(weights["out"][1], parts[1])}

    return Built(call, kernel="dense tables, one matrix product per map and per product")


ALGORITHM = Algorithm(
    "geometric_bilinear",
    "dense",
    "dense tables",
    dense,
    papers=("brehmer2023",),
)
