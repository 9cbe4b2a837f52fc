"""Geometric bilinear without zeros: components apart in linear maps, gathers in products.

With the components ordered as those without e0, then the same times e0, a linear map is 8 products
of [out, in] matrices for the first and 8 of [out, 2 in] for the second, which hear both halves. In
both products there is for each pair (k, i) at most one j: a gather and a 16 x 16 matrix. The layer
is that of [@brehmer2023].
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.multivector import BLADES
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.clifford import bilinear_algebra as algebra

WITHOUT = [i for i, blade in enumerate(BLADES) if 0 not in blade]
TIMES_E0 = [BLADES.index((0, *BLADES[i])) for i in WITHOUT]
ORDER = WITHOUT + TIMES_E0


def partners(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (j, sign) of each pair [k, i] of a table [i, j, k], in ORDER; the sign may be 0."""
    ordered = table[np.ix_(ORDER, ORDER, ORDER)].transpose(2, 0, 1)
    return np.abs(ordered).argmax(axis=2), ordered.sum(axis=2)


def blades(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer in a framework."""
    order, back = b.index(np.array(ORDER)), b.index(np.argsort(ORDER))
    grades = np.array([len(BLADES[i]) for i in WITHOUT])
    same, up, from_below = (b.index(grades + shift) for shift in (0, 1, 5))
    found = [partners(table) for table in algebra.products()]
    products = [(b.index(j.ravel()), b.table(sign)) for j, sign in found]

    def linear(w: Any, u: Any) -> Any:
        by_parameter, halves = w.swapaxes(0, 2), u.swapaxes(0, 2)  # [in, out, 9], [16, in, n]

        def matrices(index: Any) -> Any:
            return b.take(by_parameter, index).swapaxes(0, 2)  # [8, out, in]

        above = b.concatenate([matrices(up), matrices(from_below)], 2)
        both = b.concatenate([halves[8:], halves[:8]], 1)
        parts = [matrices(same) @ halves[:8], above @ both]
        return b.concatenate(parts, 0).swapaxes(0, 2)

    def multiply(left: Any, right: Any, table: tuple[Any, Any]) -> Any:
        partner, sign = table
        matrix = b.take(right, partner).reshape(*right.shape[:-1], 16, 16) * sign
        return (matrix @ left[..., None])[..., 0]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, y = (b.take(inputs[name], order) for name in "xy")
        parts = [
            multiply(linear(weights["left"][s], x), linear(weights["right"][s], y), products[s])
            for s in (0, 1)
        ]
        parts[1] = inputs["reference"][..., None] * parts[1]
        z = linear(weights["out"][0], parts[0]) + linear(weights["out"][1], parts[1])
        return {"z": b.take(z, back)}

    return Built(call, kernel="8 + 8 matrices per map, gather and 16 x 16 matrix per product")


ALGORITHM = Algorithm(
    "geometric_bilinear",
    "blades",
    "gathers, without zeros",
    blades,
    papers=("brehmer2023",),
)
