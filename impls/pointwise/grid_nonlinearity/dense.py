"""Grid nonlinearity by one matrix of harmonics each way: z = phi(x Y^T) (w Y) [@liao2024].

O(L^2 R^2) multiplications for R rings of 2R points.
"""

from __future__ import annotations

import math

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.feature import irreps_in_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.pointwise.grid_functions import Pointwise, activated
from impls.pointwise.grid_nonlinearity.operation import resolution_of
from impls.problem import Problem
from impls.so3.harmonics import spherical_harmonics
from impls.so3.quadrature import ProductGrid


def grid_of(rings: int) -> ProductGrid:
    """Return the grid of `rings` Gauss-Legendre rings with twice as many azimuths."""
    nodes, weights = np.polynomial.legendre.leggauss(rings)
    azimuths = np.linspace(0, 2 * math.pi, 2 * rings, endpoint=False)
    return ProductGrid(nodes, weights, azimuths, math.pi / rings)


def dense(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer."""
    return with_matrices(problem, b, activated(problem, b))


def with_matrices(problem: Problem, b: Backend, change: Pointwise) -> Built:
    """Build any layer that applies `change` to the values at the points."""
    irreps, grid = irreps_in_of(problem), grid_of(resolution_of(problem))
    every = spherical_harmonics(irreps.lmax, grid.points().reshape(-1, 3))
    harmonics = np.concatenate([every[:, ir.l**2 : (ir.l + 1) ** 2] for _, ir in irreps], axis=1)
    to_grid = b.table(harmonics.T)
    from_grid = b.table(harmonics * grid.weights().reshape(-1, 1))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = inputs["x"]
        values = change(x.reshape(-1, x.shape[-1]) @ to_grid, weights)
        return {"z": (values @ from_grid).reshape(x.shape)}

    rings, azimuths = grid.weights().shape
    return Built(call, kernel=f"matrix product each way, {rings} x {azimuths} grid")


ALGORITHM = Algorithm(
    "grid_nonlinearity",
    "dense",
    "one matrix product each way",
    dense,
    papers=("cohen2018", "liao2024"),
    growth=Growth({"lmax": 4, "channels": 1}),
)
