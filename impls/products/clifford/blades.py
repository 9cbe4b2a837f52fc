"""Geometric product by permuted components: for each output and each i, one component of y.

z[k] = sum_i sign[k, i] w[k, i] x[i] y[partner[k, i]]: the 64 products of the multiplication table
and no zeros, as one gather and one batched product of an 8 x 8 matrix with x.
"""

from __future__ import annotations

from impls.implementation import Built, Tensors
from impls.products.backend import Backend
from impls.products.clifford.algebra import table


def blades(backend: Backend, weighted: bool) -> Built:
    """Build the algorithm in a framework, with a weight for each triple of grades or without."""
    host_partner, host_sign, host_triple = table()
    partner = backend.index(host_partner.ravel())
    sign, triple = backend.table(host_sign), backend.index(host_triple.ravel())

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, y = inputs["x"], inputs["y"]
        matrix = backend.take(y, partner).reshape(*y.shape[:-1], 8, 8)
        factor = sign
        if weighted:
            w = weights["w"].swapaxes(0, 1)
            factor = sign * backend.take(w, triple).reshape(-1, 8, 8)
        return {"z": ((matrix * factor) @ x[..., None])[..., 0]}

    return Built(call, kernel="gather, batched 8 x 8 matrix times vector")
