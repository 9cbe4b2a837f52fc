r"""Gated product by the values at points of the sphere.

z = phi(G x_0) ((A x Y) * (B x Y)) W with the harmonics Y [dim, points] and their weighted transpose
W, both exact for 3L. `dense` applies them as one matrix each way, O(L^4): on a Lebedev rule
[@lebedev1999], or with the option `rule` on the product grid of Gauss-Legendre rings or on that of
equidistant rings, which is what e3nn offers and [@liao2026] uses. The option decides only the
speed. `separable` takes Gauss-Legendre rings in stages, O(L^3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.feature import activation_of, irreps_in_of
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.pointwise.grid_gated_product.operation import product_degree, scalar_of
from impls.problem import Problem, Refusal
from impls.products.gaunt.grid import stages
from impls.products.gaunt.layout import Split
from impls.products.poisson_bracket.grid import Projection
from impls.so3.equiangular import driscoll_healy
from impls.so3.harmonics import spherical_harmonics
from impls.so3.quadrature import ProductGrid, gauss_legendre
from impls.so3.quadrature import lebedev as lebedev_rule

RULES = ("lebedev", "gauss_legendre", "driscoll_healy")
"""Values of the option `rule`, the default first."""


def rule_of(problem: Problem, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return points [n, 3] and weights [n] of the smallest exact rule of a kind."""
    degree = product_degree(problem)
    if name == "lebedev":
        return lebedev_rule(degree)
    grid = gauss_legendre(degree) if name == "gauss_legendre" else driscoll_healy(degree)
    return grid.points().reshape(-1, 3), grid.weights().ravel()


def dense(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer with one matrix product each way."""
    return on_points(problem, b, *rule_of(problem, str(options["rule"])))


def on_points(problem: Problem, b: Backend, points: np.ndarray, weights: np.ndarray) -> Built:
    """Build the layer on any points [n, 3] with weights [n] that are exact."""
    irreps = irreps_in_of(problem)
    every = spherical_harmonics(irreps.lmax, points)
    harmonics = np.concatenate([every[:, ir.l**2 : (ir.l + 1) ** 2] for _, ir in irreps], axis=1)
    forth, back = b.table(harmonics.T), b.table(harmonics * weights[:, None])
    call = _layer(problem, b, lambda x: x @ forth, lambda values: values @ back)
    return Built(call, kernel=f"matrix product each way, {len(points)} points")


def separable(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer with separable stages."""
    return on_grid(problem, b, gauss_legendre(product_degree(problem)))


def on_grid(problem: Problem, b: Backend, points: ProductGrid) -> Built:
    """Build the layer in stages on any grid that is exact."""
    irreps = irreps_in_of(problem)
    tables = stages(irreps, irreps.lmax, points)
    split, waves = Split(tables.streams, tables.polar, b), b.table(tables.azimuthal)
    kept = (True,) * len(irreps)
    back = Projection(irreps, irreps.lmax, kept, points, points.theta_weights, b)

    def forth(x: Any) -> Any:
        return split(x).swapaxes(0, 1).swapaxes(1, 2) @ waves

    call = _layer(problem, b, forth, back)
    return Built(call, kernel=f"separable, {len(points.cos_theta)} x {len(points.phi)} grid")


def _layer(
    problem: Problem, b: Backend, forth: Callable[[Any], Any], back: Callable[[Any], Any]
) -> Callable[[Tensors, Tensors], Tensors]:
    """Return the layer between transforms of components [n, dim] to values, and of values back."""
    activation, scalar = b.activation(activation_of(problem)), scalar_of(problem)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = inputs["x"]
        first, second = (forth((weights[name] @ x).reshape(-1, x.shape[-1])) for name in ("a", "b"))
        gate = activation(weights["g"] @ x[..., scalar])
        return {"z": gate * back(first * second).reshape(x.shape)}

    return call


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse degrees beyond the largest Lebedev rule."""
    try:
        lebedev_rule(product_degree(problem))
    except ValueError as error:
        return Refusal(str(error), "use separable")
    return None


ALGORITHMS = (
    Algorithm(
        "grid_gated_product",
        "separable",
        "separable stages",
        separable,
        papers=("liao2026", "driscoll1994"),
    ),
    Algorithm(
        "grid_gated_product",
        "dense",
        "one matrix product each way",
        dense,
        supports=supports,
        options={"rule": RULES},
        papers=("liao2026", "lebedev1999", "driscoll1994"),
        growth=Growth({"lmax": 4, "channels": 2}),
    ),
)
