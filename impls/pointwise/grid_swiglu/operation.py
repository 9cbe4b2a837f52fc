r"""SwiGLU on a grid: evaluate two mixtures of channels, activate one, multiply, expand again.

    u_c(n) = sum_k,lm A_ck x_klm Y_lm(n),     v_c(n) = sum_k,lm B_ck x_klm Y_lm(n),
    z_clm = sum_p w_p Y_lm(n_p) phi(u_c(n_p)) v_c(n_p)

with orthonormal harmonics, p over `resolution` = R Gauss-Legendre rings of 2R equidistant azimuths
and A, B the same at every point. It is the sister of `grid_gated_product` that keeps the activation
on the grid [@liao2026]: there each grid aliases what phi creates above the degrees of x. So
rotations are approximate, better with more rings, and are not claimed; inversion maps the grid to
itself and is claimed. Without the activation, and without a gate, both are a Gaunt product of
channels, which is exact (`gaunt_power` with nu = 2 where A = B = 1).

x is one function for each channel: each degree once, of natural parity or without parity.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.feature import activation_of, feature_space, irreps_in_of, shape_of
from impls.growth import Growth
from impls.operation import Operation, SymmetryClaim, exact
from impls.pointwise.activations import activate
from impls.pointwise.grid_gated_product.operation import mixing
from impls.pointwise.grid_nonlinearity.operation import OPERATION as WITHOUT_WEIGHTS
from impls.pointwise.grid_nonlinearity.operation import (
    RESOLUTION,
    activated,
    harmonics_on,
    resolution_of,
)
from impls.problem import BYTES, Problem
from impls.spaces import Arrays, Space


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": feature_space(problem)}


def _weights(problem: Problem) -> Mapping[str, Space]:
    channels = shape_of(problem)[1]
    return {name: Space((channels, channels), draw=mixing(channels)) for name in ("a", "b")}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    degrees = tuple(ir.l for _, ir in irreps_in_of(problem))
    harmonics, quadrature = harmonics_on(degrees, resolution_of(problem))
    values = np.einsum("bcd,pd->bpc", inputs["x"], harmonics)
    first, second = (values @ weights[name].T for name in ("a", "b"))
    product = activate(activation_of(problem), first) * second
    return {"z": np.einsum("bpc,p,pd->bcd", product, quadrature, harmonics, optimize=True)}


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count separable stages each way, both mixtures at the points, and eleven operations there."""
    batch, channels, dim = shape_of(problem)
    rings = resolution_of(problem)
    orders, points = 2 * irreps_in_of(problem).lmax + 1, 2 * rings**2
    stages = 2 * channels * (2 * dim * rings + 2 * orders * points)
    mixed = points * (4 * channels**2 + 11 * channels)
    numbers = 2 * batch * channels * dim + 2 * channels**2
    return {
        "flops": float(batch * (stages + mixed)),
        "bytes": float(numbers * BYTES[problem.dtype]),
    }


OPERATION = Operation(
    name="grid_swiglu",
    title="SwiGLU on a grid",
    family="feature",
    summary="product of two mixtures of channels on a grid of the sphere, one of them activated",
    papers=("liao2026",),
    knobs=(RESOLUTION,),
    claims=(*exact("inversion"), SymmetryClaim("rotation", "by_knob", "resolution")),
    at_points=activated,
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=WITHOUT_WEIGHTS.supports,
    weights=_weights,
    linear_in=(("b", 1),),
    growth=Growth({"lmax": 3, "channels": 2}),
)
