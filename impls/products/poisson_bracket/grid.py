r"""Poisson bracket on a product grid of the sphere, in separable stages [@bochkarev2026].

Each input has two derivative transforms. For each order m, one matrix gives the waves

    a_m(theta) = sum_l P_lm(theta) x_lm   and   b_m(theta) = sum_l P'_lm(theta) x_lm;

then d_theta f = sum_m b_m trig_m(phi) and d_phi f = -sum_m m a_m trig_-m(phi), and the bracket goes
back with the weights over sin(theta). The derivative of the Legendre functions in theta comes from
their neighbours in m, so nothing is divided by sin(theta) but the weights. The grid is
Gauss-Legendre times equidistant: its nodes are never poles. The bracket has degree L1 + L2 - 1, so
D = L1 + L2 + L3 - 1, ceil((D+1)/2) x (D+1) points; O(L^3) multiplications in both stages.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.gaunt.grid import stages
from impls.products.gaunt.layout import Merge, Split
from impls.products.poisson_bracket.operation import paths_of, reached
from impls.so3.harmonics import legendre
from impls.so3.irreps import Irreps
from impls.so3.quadrature import ProductGrid, gauss_legendre


def output_degree(problem: Problem) -> int:
    """Return the largest output degree that is not identically zero."""
    return max(ir3.l for _, _, ir3 in paths_of(problem).values())


def bracket_degree(problem: Problem) -> int:
    """Return D = L1 + L2 + L3 - 1, the degree that the quadrature has to integrate.

    L1 and L2 count every irrep of the inputs: one that is on no path has to integrate to zero.
    """
    first, second, _ = irreps_of(problem)
    return first.lmax + second.lmax + output_degree(problem) - 1


def grid(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm on the smallest exact grid."""
    return on_grid(problem, b, gauss_legendre(bracket_degree(problem)))


def on_grid(problem: Problem, b: Backend, points: ProductGrid) -> Built:
    """Build the algorithm on any grid that is exact."""
    first, second, _ = irreps_of(problem)
    waves_x, waves_y = (Waves(irreps, points, b) for irreps in (first, second))
    project = bracket_projection(problem, points, b)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        shape = inputs["x"].shape[:-1]
        x, y = waves_x(inputs["x"]), waves_y(inputs["y"])
        dx, dy = waves_x.by_theta(x), waves_y.by_theta(y)
        z = project(dx * waves_y.by_phi(y) - waves_x.by_phi(x) * dy)
        return {"z": z.reshape(*shape, z.shape[-1])}

    return Built(call, kernel=f"{len(points.cos_theta)} x {len(points.phi)} grid")


class Waves:
    """The Legendre stage of a function and of its derivative, and what follows from it.

    Called on components [..., dim], it returns the waves [n, 2 n_theta, m]: of the function, then
    of its derivative. The other methods take these and return values [n, n_theta, n_phi].
    """

    def __init__(self, irreps: Irreps, points: ProductGrid, backend: Backend) -> None:
        tables = stages(irreps, irreps.lmax, points)
        orders = np.arange(-irreps.lmax, irreps.lmax + 1)
        slopes = np.moveaxis(polar_derivative(irreps.lmax, points.cos_theta), (2, 1, 0), (0, 1, 2))
        both = (tables.polar, tables.streams.table(slopes[np.abs(orders)]))
        self.split = Split(tables.streams, np.concatenate(both, axis=2), backend)
        self.waves = backend.table(tables.azimuthal)
        self.turned = backend.table(-orders[:, None] * tables.azimuthal[::-1])
        self.rings = len(points.cos_theta)

    def __call__(self, x: Any) -> Any:
        """Return the waves of the function and of its derivative in theta."""
        return self.split(x.reshape(-1, x.shape[-1])).swapaxes(0, 1).swapaxes(1, 2)

    def value(self, waves: Any) -> Any:
        """Return f at the points."""
        return waves[:, : self.rings] @ self.waves

    def by_theta(self, waves: Any) -> Any:
        """Return the derivative in theta at the points."""
        return waves[:, self.rings :] @ self.waves

    def by_phi(self, waves: Any) -> Any:
        """Return the derivative in phi at the points."""
        return waves[:, : self.rings] @ self.turned


class Projection:
    """Values [n, n_theta, n_phi] to the components [n, dim] of a function, with the weights."""

    def __init__(
        self,
        irreps: Irreps,
        lmax: int,
        kept: tuple[bool, ...],
        points: ProductGrid,
        theta_weights: np.ndarray,
        backend: Backend,
    ) -> None:
        tables = stages(irreps, lmax, points, kept)
        self.merge = Merge(tables.streams, (tables.polar * theta_weights).swapaxes(1, 2), backend)
        self.azimuthal = backend.table(tables.azimuthal.T * points.phi_weight)

    def __call__(self, values: Any) -> Any:
        """Return the components."""
        return self.merge((values @ self.azimuthal).swapaxes(1, 2).swapaxes(0, 1))


def bracket_projection(problem: Problem, points: ProductGrid, backend: Backend) -> Projection:
    """Return the projection of the bracket's values times sin(theta)."""
    sine = np.sqrt((1 - points.cos_theta) * (1 + points.cos_theta))
    out, kept = irreps_of(problem)[2], reached(problem)
    weights = points.theta_weights / sine
    return Projection(out, output_degree(problem), kept, points, weights, backend)


def polar_derivative(lmax: int, cos_theta: np.ndarray) -> np.ndarray:
    """Return d/dtheta of `legendre` [n_theta, lmax+1 (l), lmax+1 (|m|)], from neighbours in m."""
    functions = legendre(lmax, cos_theta)
    degree, order = np.arange(lmax + 1)[:, None], np.arange(lmax + 1)
    rise = np.sqrt(np.maximum((degree - order) * (degree + order + 1), 0))
    fall = np.sqrt(np.maximum((degree + order) * (degree - order + 1), 0))
    above, below = np.zeros_like(functions), np.zeros_like(functions)
    above[..., :-1], below[..., 1:] = functions[..., 1:], functions[..., :-1]
    slopes = 0.5 * (fall * below - rise * above)
    slopes[..., 0] = -rise[:, 0] * above[..., 0]
    return np.where(order <= degree, slopes, 0.0)


ALGORITHM = Algorithm(
    "poisson_bracket",
    "grid",
    "product grid, separable stages",
    grid,
    papers=("bochkarev2026",),
    growth=Growth({"lmax": 3, "channels": 1}),
)
