r"""Gaunt product and Poisson bracket on one product grid of the sphere, in separable stages.

f, d_theta f and d_phi f at the points share one Legendre stage for each input: the waves of f serve
its values and its derivative in phi [@bochkarev2026]. Both products go back apart, because their
weights differ by sin(theta). The grid is the one that the Gaunt product needs, exact for
D = L1 + L2 + L3. O(L^3) multiplications.
"""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.gaunt.layout import output_degree, product_degree
from impls.products.gaunt.operation import reached
from impls.products.gaunt_bracket.operation import halves
from impls.products.poisson_bracket.grid import (
    Projection,
    Waves,
    bracket_degree,
    bracket_projection,
)
from impls.so3.quadrature import ProductGrid, gauss_legendre


def grid(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm on the smallest exact grid."""
    gaunt, bracket = halves(problem)
    degree = max(product_degree(gaunt), bracket_degree(bracket))
    return on_grid(problem, b, gauss_legendre(degree))


def on_grid(problem: Problem, b: Backend, points: ProductGrid) -> Built:
    """Build the algorithm on any grid that is exact."""
    gaunt, bracket = halves(problem)
    first, second, out = irreps_of(gaunt)
    waves_x, waves_y = (Waves(irreps, points, b) for irreps in (first, second))
    kept, weights = reached(gaunt), points.theta_weights
    product = Projection(out, output_degree(gaunt), kept, points, weights, b)
    project = bracket_projection(bracket, points, b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        shape = inputs["x"].shape[:-1]
        x, y = waves_x(inputs["x"]), waves_y(inputs["y"])
        even = product(waves_x.value(x) * waves_y.value(y))
        dx, dy = waves_x.by_theta(x), waves_y.by_theta(y)
        odd = project(dx * waves_y.by_phi(y) - waves_x.by_phi(x) * dy)
        z = b.concatenate([even, odd], -1)
        return {"z": z.reshape(*shape, z.shape[-1])}

    return Built(call, kernel=f"{len(points.cos_theta)} x {len(points.phi)} grid")


ALGORITHM = Algorithm(
    "gaunt_bracket",
    "grid",
    "product grid, separable stages",
    grid,
    papers=("luo2024", "bochkarev2026"),
    growth=Growth({"lmax": 3, "channels": 1}),
)
