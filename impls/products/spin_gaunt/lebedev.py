r"""Spin-weighted Gaunt product on the points of a Lebedev rule: dense matrix products.

z = ((x A)(y A') + (x B)(y C') - (x C)(y B')) W, with A the harmonics at the points and B, C the
normalised derivatives along two unit tangents e, e' with e x e' = n, the parts of F. Other tangents
turn the phases of F_x and F_y alike, so that those of each point are chosen at will, at poles too:

    d/de Y_l(n) = sum_k (n x e)_k X_k Y_l(n),     X_k[i,j] = sqrt(l(l+1)(2l+1)) C(1,l,l)[k,j,i]

with X_k the generator of rotations about axis k in the basis of degree l. The rule is the smallest
that is exact for D = L1 + L2 + L3 [@lebedev1999]; with parity each term goes back apart. O(L^4)
multiplications.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.product import irreps_of
from impls.growth import Growth
from impls.implementation import Built, Target, Tensors
from impls.problem import Problem, Refusal
from impls.products.spin_gaunt.grid import product_degree
from impls.products.spin_gaunt.operation import reached
from impls.so3.harmonics import spherical_harmonics
from impls.so3.irreps import Irreps
from impls.so3.quadrature import lebedev as lebedev_rule
from impls.so3.wigner import wigner_3j


def fields(irreps: Irreps, points: np.ndarray) -> np.ndarray:
    """Return f, Re F and Im F of each component at the points [dim, 3, points]."""
    harmonics = spherical_harmonics(irreps.lmax, points)
    along, across = tangents(points)
    parts = []
    for _, ir in irreps:
        values = harmonics[:, ir.l**2 : (ir.l + 1) ** 2]
        turned = np.zeros((3, *values.shape))
        if ir.l:
            turned = np.sqrt(ir.dim) * np.einsum("kji,nj->kni", wigner_3j(1, ir.l, ir.l), values)
        real = np.einsum("nk,kni->ni", across, turned)
        imag = -np.einsum("nk,kni->ni", along, turned)
        parts.append(np.stack([values.T, real.T, imag.T], axis=1))
    return np.concatenate(parts)


def tangents(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two unit tangents e, e' [n, 3] at unit vectors n [n, 3], with e x e' = n."""
    far = np.eye(3)[np.argmin(np.abs(points), axis=1)]
    along = np.cross(far, points)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    return along, np.cross(points, along)


def lebedev(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    first, second, out = irreps_of(problem)
    points, weight = lebedev_rule(product_degree(problem))
    forth_x, forth_y = (b.table(fields(i, points).reshape(i.dim, -1)) for i in (first, second))
    back = fields(out, points)[:, 0] * weight

    def projection(kept: tuple[bool, ...]) -> Any:
        mask = np.repeat(kept, [ir.dim for _, ir in out])
        return b.table(np.where(mask[:, None], back, 0.0).T)

    even, odd = reached(problem, 0), reached(problem, 1)
    apart = (projection(even), projection(odd)) if out.parity else None
    project = projection(tuple(map(any, zip(even, odd, strict=True))))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, y = inputs["x"], inputs["y"]
        at_x = (x.reshape(-1, x.shape[-1]) @ forth_x).reshape(-1, 3, len(points))
        at_y = (y.reshape(-1, y.shape[-1]) @ forth_y).reshape(-1, 3, len(points))
        values = at_x[:, 0] * at_y[:, 0]
        turned = at_x[:, 1] * at_y[:, 2] - at_x[:, 2] * at_y[:, 1]
        z = values @ apart[0] + turned @ apart[1] if apart else (values + turned) @ project
        return {"z": z.reshape(*x.shape[:-1], z.shape[-1])}

    return Built(call, kernel=f"matrix products on {len(points)} points")


def supports(problem: Problem, target: Target) -> Refusal | None:
    """Refuse degrees beyond the largest Lebedev rule."""
    try:
        lebedev_rule(product_degree(problem))
    except ValueError as error:
        return Refusal(str(error), "use grid")
    return None


ALGORITHM = Algorithm(
    "spin_gaunt",
    "lebedev",
    "points of a Lebedev rule",
    lebedev,
    supports=supports,
    papers=("lin2026", "lebedev1999"),
    growth=Growth({"lmax": 4, "channels": 1}),
)
