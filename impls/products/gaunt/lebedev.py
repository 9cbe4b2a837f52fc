"""Gaunt product on the points of a Lebedev rule: three dense matrix products.

z = ((x A) * (y B)) W with A, B [dim, points] the harmonics at the points and W [points, dim(z)]
the weighted harmonics. The rule is the smallest one with positive weights that is exact for the
degree D = L1 + L2 + L3 of the triple product [@lebedev1999]. O(L^4) multiplications.
"""

from __future__ import annotations

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.problem import Problem, Refusal
from impls.products.gaunt.layout import degrees_of, product_degree
from impls.products.gaunt.operation import reached
from impls.so3.harmonics import spherical_harmonics
from impls.so3.quadrature import lebedev as lebedev_rule


def point_matrices(
    problem: Problem, points: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return harmonics of x and y [dim, points], and weighted ones of z [points, dim(z)]."""
    first, second, out = (degrees_of(irreps) for irreps in irreps_of(problem))
    kept = np.repeat(reached(problem), [2 * degree + 1 for degree in out])
    back = np.where(kept[:, None], _harmonics(out, points) * weights, 0.0)
    return _harmonics(first, points), _harmonics(second, points), back.T


def lebedev(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    return on_points(problem, b, *lebedev_rule(product_degree(problem)))


def on_points(problem: Problem, b: Backend, points: np.ndarray, weights: np.ndarray) -> Built:
    """Build the algorithm on points [n, 3] with weights [n] that are exact for degree D."""
    first, second, back = map(b.table, point_matrices(problem, points, weights))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, y = inputs["x"], inputs["y"]
        shape = x.shape[:-1]
        values = (x.reshape(-1, x.shape[-1]) @ first) * (y.reshape(-1, y.shape[-1]) @ second)
        return {"z": (values @ back).reshape(*shape, back.shape[1])}

    return Built(call, kernel=f"matrix products on {len(points)} points")


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse degrees beyond the largest Lebedev rule."""
    try:
        lebedev_rule(product_degree(problem))
    except ValueError as error:
        return Refusal(str(error))
    return None


def _harmonics(degrees: tuple[int, ...], points: np.ndarray) -> np.ndarray:
    values = spherical_harmonics(max(degrees), points)
    return np.concatenate([values[:, d * d : (d + 1) ** 2] for d in degrees], axis=1).T


ALGORITHM = Algorithm(
    "gaunt",
    "lebedev",
    "points of a Lebedev rule",
    lebedev,
    supports=supports,
    papers=("luo2024", "lebedev1999"),
    growth=Growth({"lmax": 4, "channels": 1}),
)
