r"""Signal product on a product grid of the sphere, in separable stages [@xie2025] [@xie2026].

For each orbital degree l one small orthogonal matrix takes the coefficients (l, j) to those of the
2s+1 components of the value, each a function on the sphere. These go to the grid as in the Gaunt
product: for each order m a matrix of Legendre functions, then one of sines and cosines. At each
point the values are coupled by the nonzero entries of C(s1,s2,s3), and all goes back. The grid is
the smallest that is exact: only orbital degrees count, D = 2 lmax + lout, ceil((D+1)/2) x (D+1)
points. O(s L^3) multiplications for the transforms.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.field import cutoffs_of, values_of
from impls.growth import Growth
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.gaunt.grid import stages
from impls.products.gaunt.layout import Split
from impls.products.poisson_bracket.grid import Projection
from impls.so3.irreps import degrees
from impls.so3.quadrature import ProductGrid, gauss_legendre
from impls.so3.wigner import clebsch_gordan


def grid(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm on the smallest exact grid."""
    return on_grid(problem, b, gauss_legendre(sum(cutoffs_of(problem))))


def on_grid(problem: Problem, b: Backend, points: ProductGrid) -> Built:
    """Build the algorithm on any grid that is exact."""
    (s1, s2, s3), (l1, l2, l3) = (value.l for value in values_of(problem)), cutoffs_of(problem)
    field_x, field_y = _Field(s1, l1, points, b), _Field(s2, l2, points, b)
    project = _Project(s3, l3, points, b)
    coupling = clebsch_gordan(s1, s2, s3)
    left, right = np.nonzero(np.any(coupling, axis=2))
    first, second = b.index(left), b.index(right)
    couple = b.table(coupling[left, right].T)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, y = field_x(inputs["x"]), field_y(inputs["y"])
        z = project(couple @ (x[:, first] * y[:, second]))
        return {"z": z.reshape(*inputs["x"].shape[:-1], z.shape[-1])}

    return Built(call, kernel=f"{len(points.cos_theta)} x {len(points.phi)} grid")


def uncoupling(spin: int, l: int) -> np.ndarray:  # noqa: E741 -- the field's name for a degree
    """Return the orthogonal matrix from (l, j), j ascending, to components (value, m)."""
    blocks = [clebsch_gordan(l, spin, j) for j in range(abs(l - spin), l + spin + 1)]
    joined = np.concatenate(blocks, axis=2)
    return joined.transpose(2, 1, 0).reshape(joined.shape[2], -1)


class _Field:
    """Coefficients [..., dim] to the values of a field [n, 2s+1, points]."""

    def __init__(self, spin: int, cutoff: int, points: ProductGrid, backend: Backend) -> None:
        self.size, self.concatenate = 2 * spin + 1, backend.concatenate
        self.blocks = [backend.table(uncoupling(spin, n)) for n in range(cutoff + 1)]
        tables = stages(degrees(range(cutoff + 1)), cutoff, points)
        self.split = Split(tables.streams, tables.polar, backend)
        self.azimuthal = backend.table(tables.azimuthal)

    def __call__(self, x: Any) -> Any:
        x = x.reshape(-1, x.shape[-1])
        parts, start = [], 0
        for block in self.blocks:
            stop = start + block.shape[0]
            parts.append((x[:, start:stop] @ block).reshape(x.shape[0], self.size, -1))
            start = stop
        functions = self.concatenate(parts, -1).reshape(x.shape[0] * self.size, -1)
        values = self.split(functions).swapaxes(0, 1).swapaxes(1, 2) @ self.azimuthal
        return values.reshape(x.shape[0], self.size, -1)


class _Project:
    """Values of a field [n, 2s+1, points] to its coefficients [n, dim]."""

    def __init__(self, spin: int, cutoff: int, points: ProductGrid, backend: Backend) -> None:
        self.shape, self.concatenate = (len(points.cos_theta), len(points.phi)), backend.concatenate
        self.blocks = [backend.table(uncoupling(spin, n).T) for n in range(cutoff + 1)]
        irreps, kept = degrees(range(cutoff + 1)), (True,) * (cutoff + 1)
        self.project = Projection(irreps, cutoff, kept, points, points.theta_weights, backend)

    def __call__(self, values: Any) -> Any:
        functions = self.project(values.reshape(-1, *self.shape))
        functions = functions.reshape(*values.shape[:2], -1)
        parts = [
            functions[..., n * n : (n + 1) ** 2].reshape(values.shape[0], -1) @ block
            for n, block in enumerate(self.blocks)
        ]
        return self.concatenate(parts, -1)


ALGORITHM = Algorithm(
    "signal_product",
    "grid",
    "product grid, separable stages",
    grid,
    papers=("xie2025", "xie2026"),
    growth=Growth({"lmax": 3, "channels": 1}),
)
