"""Geometric products by the kernel of trilinear forms.

Without weights the multiplication table is the form [@brehmer2023]. With a weight for each triple
of grades the kernel keeps the triples apart, 44 numbers, which are weighted and summed [@ruhe2023].
In the layer of projective multivectors the kernel does both products, between linear maps that are
matrix products [@brehmer2023].
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.implementation import Built, Tensors
from impls.kernels import support
from impls.kernels.form import TrilinearForm
from impls.problem import Problem
from impls.products import forms
from impls.products.clifford import algebra, bilinear_algebra
from impls.products.clifford.bilinear_dense import Linear


def plain(problem: Problem) -> TrilinearForm:
    """Return the form of the product without weights."""
    return TrilinearForm.dense(algebra.dense())


def weighted(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the product with a weight for each triple of grades."""
    full, triples = algebra.dense(), algebra.triples()
    apart = sorted({(triples[i, j, k], k) for i, j, k in np.argwhere(full)})
    table, ends = np.zeros((8, 8, len(apart))), np.zeros((len(apart), 8))
    for place, (triple, k) in enumerate(apart):
        table[..., place] = full[..., k] * (triples[..., k] == triple)
        ends[place, k] = 1.0
    couple, total = b.trilinear(TrilinearForm.dense(table)), b.table(ends)
    triple_of = b.index(np.array([triple for triple, _ in apart]))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        w = b.take(weights["w"].swapaxes(0, 1), triple_of)
        return {"z": (couple(inputs["x"], inputs["y"]) * w) @ total}

    kernel = "native for each triple of grades, then weights"
    return Built(call, kernel=kernel, runs=support.RUNS)


def bilinear(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer: linear maps, both products, linear maps."""
    linear = Linear(b)
    products = [b.trilinear(TrilinearForm.dense(t)) for t in bilinear_algebra.products()]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, y = inputs["x"], inputs["y"]
        left, right, out = (weights[name] for name in ("left", "right", "out"))
        parts: list[Any] = [
            multiply(linear(left[s], x), linear(right[s], y)) for s, multiply in enumerate(products)
        ]
        parts[1] = inputs["reference"][..., None] * parts[1]
        return {"z": linear(out[0], parts[0]) + linear(out[1], parts[1])}

    kernel = "one matrix product per map, native per product"
    return Built(call, kernel=kernel, runs=support.RUNS)


TITLE = "sparse coefficients, one kernel"

ALGORITHMS = (
    Algorithm(
        "clifford",
        "kernel",
        TITLE,
        weighted,
        supports=forms.supports,
        refuses=support.refuses,
        papers=("ruhe2023",),
    ),
    forms.algorithm("geometric_product", plain, papers=("brehmer2023",)),
    Algorithm(
        "geometric_bilinear",
        "kernel",
        "linear maps as matrices, products by kernels",
        bilinear,
        refuses=support.refuses,
        papers=("brehmer2023",),
    ),
)
