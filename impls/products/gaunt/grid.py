r"""Gaunt product on a product grid of the sphere, in separable stages [@xie2025].

f_x(theta, phi) = sum_m trig_m(phi) sum_l P_lm(theta) x_lm: for each order m a matrix of Legendre
functions, then one matrix of sines and cosines; multiply; back with the weights. The grid is
Gauss-Legendre times equidistant, the smallest that is exact for the degree D = L1 + L2 + L3 of the
triple product: ceil((D+1)/2) x (D+1) points. O(L^3) multiplications in both stages. Orders and
azimuths come first, so that no stage turns what the one before has left.

It is of interest at large L: below, the three matrix products of `lebedev` have fewer points and
fewer stages, and are faster.

The option `grid` decides only the speed: "double" is the grid that is exact for 2D + 1, with twice
the azimuths and D+1 latitudes, as where a grid is chosen with a margin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.gaunt.layout import (
    Merge,
    Split,
    Streams,
    degrees_of,
    output_degree,
    product_degree,
)
from impls.products.gaunt.operation import reached
from impls.so3.harmonics import legendre, trigonometric
from impls.so3.irreps import Irreps
from impls.so3.quadrature import ProductGrid, gauss_legendre

GRIDS = ("minimal", "double")
"""Values of the option `grid`, the default first."""


@dataclass(frozen=True)
class Stages:
    """One separable transform: `polar` [m, irreps, n_theta] and `azimuthal` [m, n_phi]."""

    streams: Streams
    polar: np.ndarray
    azimuthal: np.ndarray


def stages(
    irreps: Irreps, lmax: int, grid: ProductGrid, kept: tuple[bool, ...] | None = None
) -> Stages:
    """Return the tables for irreps up to `lmax`; zeros for irreps that are not `kept`."""
    orders = range(-lmax, lmax + 1)
    streams = Streams(degrees_of(irreps), orders)
    functions = np.moveaxis(legendre(lmax, grid.cos_theta), (2, 1, 0), (0, 1, 2))
    polar = streams.table(functions[np.abs(orders)], kept)
    return Stages(streams, polar, trigonometric(lmax, grid.phi).T)


def grid(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    return on_grid(problem, b, points_of(problem, str(options["grid"])))


def points_of(problem: Problem, name: str) -> ProductGrid:
    """Return the grid that a value of the option `grid` names."""
    degree = product_degree(problem)
    return gauss_legendre(degree if name == "minimal" else 2 * degree + 1)


def on_grid(problem: Problem, b: Backend, points: ProductGrid) -> Built:
    """Build the algorithm on any grid that is exact."""
    first, second, out = irreps_of(problem)
    to_grid_x = _ToGrid(stages(first, first.lmax, points), b)
    to_grid_y = _ToGrid(stages(second, second.lmax, points), b)
    back = stages(out, output_degree(problem), points, reached(problem))
    merge = Merge(back.streams, (back.polar * points.theta_weights).swapaxes(1, 2), b)
    azimuthal = b.table(back.azimuthal * points.phi_weight)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        shape = inputs["x"].shape[:-1]
        values = to_grid_x(inputs["x"]) * to_grid_y(inputs["y"])
        waves = (azimuthal @ values).reshape(len(azimuthal), -1, len(points.cos_theta))
        z = merge(waves)
        return {"z": z.reshape(*shape, z.shape[-1])}

    return Built(call, kernel=f"{len(points.cos_theta)} x {len(points.phi)} grid")


class _ToGrid:
    """Evaluate functions at the points: components [..., dim] to values [n_phi, n n_theta]."""

    def __init__(self, tables: Stages, b: Backend) -> None:
        self.split = Split(tables.streams, tables.polar, b)
        self.azimuthal = b.table(tables.azimuthal.T)

    def __call__(self, x: Any) -> Any:
        rings = self.split(x.reshape(-1, x.shape[-1]))
        return self.azimuthal @ rings.reshape(len(rings), -1)


ALGORITHM = Algorithm(
    "gaunt",
    "grid",
    "product grid, separable stages",
    grid,
    options={"grid": GRIDS},
    papers=("luo2024", "xie2025"),
    growth=Growth({"lmax": 3, "channels": 1}),
)
