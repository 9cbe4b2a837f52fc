"""Grid nonlinearity in separable stages: Legendre functions for each order, then a wave matrix.

f(t, p) = sum_m trig_m(p) sum_l P_lm(t) x_lm, and back with the weights: O(L^2 R + L R^2).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from impls.families.feature import irreps_of
from impls.implementation import Built, Tensors
from impls.layers.grid_nonlinearity.dense import grid_of
from impls.layers.grid_nonlinearity.operation import resolution_of
from impls.layers.pointwise import Layer, Pointwise, activated
from impls.problem import Problem
from impls.so3.harmonics import legendre, trigonometric


def separable(problem: Problem, layer: Layer, pointwise: Pointwise | None = None) -> Built:
    """Build the layer in a framework; `pointwise` replaces the activation of the values."""
    change = pointwise or activated(layer)
    irreps, grid, backend = irreps_of(problem), grid_of(resolution_of(problem)), layer.arrays
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
    parts = [slice(a, b) for a, b in pairwise(ends)]

    gather, scatter = backend.index(np.array(where)), backend.index(np.argsort(where))
    up = [backend.table(p) for p in polar]
    down = [backend.table((p * grid.theta_weights).T) for p in polar]
    waves = trigonometric(lmax, grid.phi)
    to_azimuths = backend.table(waves.T)
    from_azimuths = backend.table(waves * grid.phi_weight)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = inputs["x"]
        rows = backend.take(x.reshape(-1, x.shape[-1]), gather)
        stages = [rows[:, part] @ table for part, table in zip(parts, up, strict=True)]
        by_order = backend.concatenate([a[:, :, None] for a in stages], 2)
        values = change(by_order.reshape(-1, len(orders)) @ to_azimuths, weights)
        back = (values @ from_azimuths).reshape(-1, rings, len(orders))
        merged = [back[:, :, k] @ table for k, table in enumerate(down)]
        z = backend.take(backend.concatenate(merged, -1), scatter)
        return {"z": z.reshape(x.shape)}

    return Built(call, kernel=f"separable stages, {rings} x {2 * rings} grid")
