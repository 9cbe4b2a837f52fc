r"""Spin-weighted Gaunt product on a product grid of the sphere, in separable stages [@lin2026].

Each input is one transform with three Legendre tables: P_lm of its spin 0, and of its spin 1

    P'_lm / sqrt(l(l+1))   and   m P_lm / (sin(theta) sqrt(l(l+1))),

the real and imaginary parts of F (see `operation`). The nodes of the grid are never poles. Without
parity the values f_x f_y + Im(conj(F_x) F_y) go back as one function, by one projection; with
parity each term has irreps of its own, and goes back apart. The grid is that of the Gaunt product,
exact for D = L1 + L2 + L3: ceil((D+1)/2) x (D+1) points. O(L^3) multiplications.
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
from impls.products.gaunt.layout import Split
from impls.products.poisson_bracket.grid import Projection, polar_derivative
from impls.products.spin_gaunt.operation import paths_of, reached
from impls.so3.irreps import Irreps
from impls.so3.quadrature import ProductGrid, gauss_legendre


def output_degree(problem: Problem) -> int:
    """Return the largest output degree that is not identically zero."""
    return max(ir3.l for _, _, ir3 in paths_of(problem).values())


def product_degree(problem: Problem) -> int:
    """Return D = L1 + L2 + L3, the degree that a quadrature has to integrate."""
    first, second, _ = irreps_of(problem)
    return first.lmax + second.lmax + output_degree(problem)


def grid(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm on the smallest exact grid."""
    return on_grid(problem, b, gauss_legendre(product_degree(problem)))


def on_grid(problem: Problem, b: Backend, points: ProductGrid) -> Built:
    """Build the algorithm on any grid that is exact."""
    first, second, out = irreps_of(problem)
    field_x, field_y = (_Field(irreps, points, b) for irreps in (first, second))

    def projection(kept: tuple[bool, ...]) -> Projection:
        return Projection(out, output_degree(problem), kept, points, points.theta_weights, b)

    even, odd = reached(problem, 0), reached(problem, 1)
    apart = (projection(even), projection(odd)) if out.parity else None
    project = projection(tuple(map(any, zip(even, odd, strict=True))))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        shape = inputs["x"].shape[:-1]
        (f_x, real_x, imag_x), (f_y, real_y, imag_y) = field_x(inputs["x"]), field_y(inputs["y"])
        values, turned = f_x * f_y, real_x * imag_y - imag_x * real_y
        z = apart[0](values) + apart[1](turned) if apart else project(values + turned)
        return {"z": z.reshape(*shape, z.shape[-1])}

    return Built(call, kernel=f"{len(points.cos_theta)} x {len(points.phi)} grid")


class _Field:
    """Components [..., dim] to the values of f, Re F and Im F, [n, n_theta, n_phi] each."""

    def __init__(self, irreps: Irreps, points: ProductGrid, backend: Backend) -> None:
        tables, lmax = stages(irreps, irreps.lmax, points), irreps.lmax
        orders = np.arange(-lmax, lmax + 1)
        norms = np.array([1 / np.sqrt(ir.l * (ir.l + 1) or 1) for _, ir in irreps])[:, None]
        sine = np.sqrt((1 - points.cos_theta) * (1 + points.cos_theta))
        slopes = np.moveaxis(polar_derivative(lmax, points.cos_theta), (2, 1, 0), (0, 1, 2))
        polar = (
            tables.polar,
            norms * tables.streams.table(slopes[np.abs(orders)]),
            norms * tables.polar / sine,
        )
        self.split = Split(tables.streams, np.concatenate(polar, axis=2), backend)
        self.waves = backend.table(tables.azimuthal)
        self.turned = backend.table(-orders[:, None] * tables.azimuthal[::-1])
        self.rings = len(points.cos_theta)

    def __call__(self, x: Any) -> tuple[Any, Any, Any]:
        waves = self.split(x.reshape(-1, x.shape[-1])).swapaxes(0, 1).swapaxes(1, 2)
        upright = waves[:, : 2 * self.rings] @ self.waves
        turned = waves[:, 2 * self.rings :] @ self.turned
        return upright[:, : self.rings], upright[:, self.rings :], turned


ALGORITHM = Algorithm(
    "spin_gaunt",
    "grid",
    "product grid, separable stages",
    grid,
    papers=("lin2026",),
    growth=Growth({"lmax": 3, "channels": 1}),
)
