r"""Powers of a function by its values at points of the sphere.

z = W^T (Y x)^nu with the power taken point by point: two transforms, whatever nu is [@luo2024]. On
the Gauss-Legendre product grid Y and W are applied in separable stages, O(nu^2 L^3) multiplications
[@xie2025]; on a Lebedev rule, which has about a third fewer points, as one dense matrix each,
O(nu^2 L^4) [@lebedev1999]. Both are the smallest that are exact for degree nu L + L3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.feature import irreps_of, nu_of
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.powers.gaunt_power.operation import reached
from impls.problem import Problem, Refusal
from impls.products.gaunt.grid import stages
from impls.products.gaunt.layout import Merge, Split
from impls.so3.harmonics import spherical_harmonics
from impls.so3.irreps import Irreps
from impls.so3.quadrature import ProductGrid, gauss_legendre
from impls.so3.quadrature import lebedev as lebedev_rule


def output_degree(problem: Problem) -> int:
    """Return the largest output degree that is not identically zero."""
    out = irreps_of(problem)[1]
    return max(ir.l for (_, ir), kept in zip(out, reached(problem), strict=True) if kept)


def power_degree(problem: Problem) -> int:
    """Return nu L + L3, the degree that a quadrature has to integrate."""
    return nu_of(problem) * irreps_of(problem)[0].lmax + output_degree(problem)


def power(values: Any, nu: int) -> Any:
    """Return values^nu by squaring: at most 2 log2(nu) multiplications."""
    result = None
    while nu:
        if nu % 2:
            result = values if result is None else result * values
        nu //= 2
        if nu:
            values = values * values
    return result


def grid(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the separable algorithm on the smallest exact grid."""
    return on_grid(problem, b, gauss_legendre(power_degree(problem)))


def on_grid(problem: Problem, b: Backend, points: ProductGrid) -> Built:
    """Build the algorithm on any grid that is exact."""
    (inside, out), nu = irreps_of(problem), nu_of(problem)
    forth = stages(inside, inside.lmax, points)
    back = stages(out, output_degree(problem), points, reached(problem))
    split = Split(forth.streams, forth.polar, b)
    waves = b.table(forth.azimuthal)
    merge = Merge(back.streams, (back.polar * points.theta_weights).swapaxes(1, 2), b)
    orders = b.table(back.azimuthal.T * points.phi_weight)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        a = inputs["x"]
        rings = split(a.reshape(-1, a.shape[-1]))
        values = rings.swapaxes(0, 1).swapaxes(1, 2).reshape(-1, rings.shape[0]) @ waves
        streams = (power(values, nu) @ orders).reshape(-1, len(points.cos_theta), orders.shape[1])
        result = merge(streams.swapaxes(1, 2).swapaxes(0, 1))
        return {"z": result.reshape(*a.shape[:-1], result.shape[-1])}

    return Built(call, kernel=f"{len(points.cos_theta)} x {len(points.phi)} grid")


def lebedev(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the dense algorithm on a Lebedev rule."""
    (inside, out), nu = irreps_of(problem), nu_of(problem)
    points, weight = lebedev_rule(power_degree(problem))
    kept = np.repeat(reached(problem), [ir.dim for _, ir in out])
    forth = b.table(_harmonics(inside, points))
    back = b.table(np.where(kept[:, None], _harmonics(out, points) * weight, 0.0).T)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        a = inputs["x"]
        result = power(a.reshape(-1, a.shape[-1]) @ forth, nu) @ back
        return {"z": result.reshape(*a.shape[:-1], back.shape[1])}

    return Built(call, kernel=f"matrix products on {len(points)} points")


def lebedev_supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse degrees beyond the largest Lebedev rule."""
    try:
        lebedev_rule(power_degree(problem))
    except ValueError as error:
        return Refusal(str(error), "use the product grid")
    return None


def _harmonics(irreps: Irreps, points: np.ndarray) -> np.ndarray:
    values = spherical_harmonics(irreps.lmax, points)
    return np.concatenate([values[:, ir.l**2 : (ir.l + 1) ** 2] for _, ir in irreps], axis=1).T


ALGORITHMS = (
    Algorithm(
        "gaunt_power",
        "grid",
        "product grid, separable stages",
        grid,
        papers=("luo2024", "xie2025"),
    ),
    Algorithm(
        "gaunt_power",
        "lebedev",
        "points of a Lebedev rule",
        lebedev,
        supports=lebedev_supports,
        papers=("luo2024", "lebedev1999"),
        growth=Growth({"lmax": 4, "channels": 1}),
    ),
)
