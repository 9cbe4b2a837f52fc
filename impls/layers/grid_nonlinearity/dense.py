"""Grid nonlinearity by one matrix of harmonics each way: z = phi(x Y^T) (w Y)."""

from __future__ import annotations

import math

import numpy as np

from impls.families.feature import irreps_of
from impls.implementation import Built, Tensors
from impls.layers.grid_nonlinearity.operation import resolution_of
from impls.layers.pointwise import Layer, Pointwise, activated
from impls.problem import Problem
from impls.so3.harmonics import spherical_harmonics
from impls.so3.quadrature import ProductGrid


def grid_of(rings: int) -> ProductGrid:
    """Return the grid of `rings` Gauss-Legendre rings with twice as many azimuths."""
    nodes, weights = np.polynomial.legendre.leggauss(rings)
    azimuths = np.linspace(0, 2 * math.pi, 2 * rings, endpoint=False)
    return ProductGrid(nodes, weights, azimuths, math.pi / rings)


def dense(problem: Problem, layer: Layer, pointwise: Pointwise | None = None) -> Built:
    """Build the layer in a framework; `pointwise` replaces the activation of the values."""
    change = pointwise or activated(layer)
    irreps, grid = irreps_of(problem), grid_of(resolution_of(problem))
    every = spherical_harmonics(irreps.lmax, grid.points().reshape(-1, 3))
    harmonics = np.concatenate([every[:, ir.l**2 : (ir.l + 1) ** 2] for _, ir in irreps], axis=1)
    to_grid = layer.arrays.table(harmonics.T)
    from_grid = layer.arrays.table(harmonics * grid.weights().reshape(-1, 1))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = inputs["x"]
        values = change(x.reshape(-1, x.shape[-1]) @ to_grid, weights)
        return {"z": (values @ from_grid).reshape(x.shape)}

    rings, azimuths = grid.weights().shape
    return Built(call, kernel=f"matrix product each way, {rings} x {azimuths} grid")
