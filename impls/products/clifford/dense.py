"""Geometric product by the dense multiplication table [8, 8, 8], seven eighths of it zeros.

z = (x outer y) T, T [64, 8] times the weights of each channel: the einsum of [@ruhe2023]. All 20
triples of grades; no degree 2.
"""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.clifford import algebra


def dense(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the weighted product in a framework."""
    full = b.table(algebra.dense().reshape(64, 8))
    triple = b.index(algebra.triples().ravel())

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, y = inputs["x"].swapaxes(0, 1), inputs["y"].swapaxes(0, 1)
        w = b.take(weights["w"].swapaxes(0, 1), triple)
        outer = (x[..., :, None] * y[..., None, :]).reshape(*x.shape[:-1], 64)
        z = outer @ (full * w.reshape(-1, 64, 8))
        return {"z": z.swapaxes(0, 1)}

    return Built(call, kernel="batched product with one 64 x 8 matrix per channel")


ALGORITHM = Algorithm(
    "clifford", "dense", "dense multiplication table", dense, papers=("ruhe2023",)
)
