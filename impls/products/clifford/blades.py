"""Geometric product by permuted components: for each output and each i, one component of y.

z[k] = sum_i sign[k, i] w[k, i] x[i] y[partner[k, i]]: the 64 products of the multiplication table
and no zeros, as one gather and one batched product of an 8 x 8 matrix with x. All 20 triples of
grades, with a weight for each [@ruhe2023] or without [@brehmer2023]; no degree 2.
"""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.clifford.algebra import table


def plain(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the product without weights in a framework."""
    return _blades(b, has_weights=False)


def weighted(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the product with a weight for each triple of grades in a framework."""
    return _blades(b, has_weights=True)


def _blades(b: Backend, *, has_weights: bool) -> Built:
    host_partner, host_sign, host_triple = table()
    partner = b.index(host_partner.ravel())
    sign, triple = b.table(host_sign), b.index(host_triple.ravel())

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, y = inputs["x"], inputs["y"]
        matrix = b.take(y, partner).reshape(*y.shape[:-1], 8, 8)
        factor = sign
        if has_weights:
            w = weights["w"].swapaxes(0, 1)
            factor = sign * b.take(w, triple).reshape(-1, 8, 8)
        return {"z": ((matrix * factor) @ x[..., None])[..., 0]}

    return Built(call, kernel="gather, batched 8 x 8 matrix times vector")


TITLE = "signed products of components"

ALGORITHMS = (
    Algorithm("clifford", "blades", TITLE, weighted, papers=("ruhe2023",)),
    Algorithm("geometric_product", "blades", TITLE, plain, papers=("brehmer2023",)),
)
