"""Grid nonlinearity in separable stages: Legendre functions for each order, then a wave matrix.

f(t, p) = sum_m trig_m(p) sum_l P_lm(t) x_lm, and back with the weights: O(L^2 R + L R^2) for
R rings of 2R points [@cohen2018] [@driscoll1994].
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.feature import irreps_in_of
from impls.implementation import Built, Tensors
from impls.pointwise.grid_functions import Pointwise, activated
from impls.pointwise.grid_nonlinearity.dense import grid_of
from impls.pointwise.grid_nonlinearity.operation import resolution_of
from impls.problem import Problem
from impls.so3.harmonics import legendre, trigonometric


def separable(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer."""
    return in_stages(problem, b, activated(problem, b))


def in_stages(problem: Problem, b: Backend, change: Pointwise) -> Built:
    """Build any layer that applies `change` to the values at the points."""
    irreps, grid = irreps_in_of(problem), grid_of(resolution_of(problem))
    lmax, rings = irreps.lmax, len(grid.cos_theta)
    functions = legendre(lmax, grid.cos_theta)
    orders = range(-lmax, lmax + 1)
    # Components by order m: which of x, and their Legendre functions [components, rings].
    centres = [
        (part.start + ir.l, ir.l) for (_, ir), part in zip(irreps, irreps.slices(), strict=True)
    ]
    where = [at + m for m in orders for at, degree in centres if degree >= abs(m)]
    polar = [functions[:, [d for _, d in centres if d >= abs(m)], abs(m)].T for m in orders]
    ends = np.cumsum([0, *(len(p) for p in polar)])
    parts = [slice(start, stop) for start, stop in pairwise(ends)]

    gather, scatter = b.index(np.array(where)), b.index(np.argsort(where))
    up = [b.table(p) for p in polar]
    down = [b.table((p * grid.theta_weights).T) for p in polar]
    waves = trigonometric(lmax, grid.phi)
    to_azimuths = b.table(waves.T)
    from_azimuths = b.table(waves * grid.phi_weight)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = inputs["x"]
        rows = b.take(x.reshape(-1, x.shape[-1]), gather)
        stages = [rows[:, part] @ table for part, table in zip(parts, up, strict=True)]
        by_order = b.concatenate([a[:, :, None] for a in stages], 2)
        values = change(by_order.reshape(-1, len(orders)) @ to_azimuths, weights)
        back = (values @ from_azimuths).reshape(-1, rings, len(orders))
        merged = [back[:, :, k] @ table for k, table in enumerate(down)]
        z = b.take(b.concatenate(merged, -1), scatter)
        return {"z": z.reshape(x.shape)}

    return Built(call, kernel=f"separable stages, {rings} x {2 * rings} grid")


ALGORITHM = Algorithm(
    "grid_nonlinearity",
    "separable",
    "separable stages",
    separable,
    papers=("cohen2018", "driscoll1994"),
)
