r"""Gated product: two mixtures of channels multiplied point by point, times a gate of scalars.

    u_c(n) = sum_k,lm A_ck x_klm Y_lm(n),     v_c(n) = sum_k,lm B_ck x_klm Y_lm(n),
    z_clm = phi(sum_k G_ck x_k00) int Y_lm u_c v_c dOmega

with orthonormal harmonics, cut at the degrees of x [@liao2026]. It is what is left of a SwiGLU on
the sphere (`grid_swiglu`) when the activation moves from the points of the grid to the scalars:
u v is a polynomial of degree 2L, so that each grid that is exact for 3L gives the map itself. It
is exactly equivariant, where `grid_nonlinearity` and `grid_mlp` are so only by resolution.

The smallest exact grids differ by kind: ceil((3L+1)/2) x (3L+1) points of Gauss-Legendre, twice
the rings where these are equidistant [@driscoll1994], about a third fewer points in a Lebedev rule.

u v is a Gaunt product of channels, so that from natural parity no pseudo-tensor can arise. x is one
function for each channel: each degree once, of natural parity or without, and degree 0 among them.
Cost: two mixtures of C channels, and three transforms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from impls.families.feature import (
    activation_of,
    feature_space,
    invariant,
    irreps_in_of,
    shape_of,
)
from impls.growth import Growth
from impls.operation import AtPoints, Operation, exact
from impls.pointwise.activations import activate
from impls.pointwise.grid_nonlinearity.operation import OPERATION as ON_GRID
from impls.problem import BYTES, Problem, Refusal
from impls.so3.wigner import gaunt
from impls.spaces import Array, Arrays, Space


def product_degree(problem: Problem) -> int:
    """Return 3L, the degree that a quadrature has to integrate."""
    return 3 * irreps_in_of(problem).lmax


def scalar_of(problem: Problem) -> slice:
    """Return where the scalar of x lies."""
    irreps = irreps_in_of(problem)
    (place,) = (p for p, (_, ir) in zip(irreps.slices(), irreps, strict=True) if ir.l == 0)
    return place


def _supports(problem: Problem) -> Refusal | None:
    refusal = ON_GRID.supports(problem)
    irreps = irreps_in_of(problem)
    if refusal is None and not any(invariant(ir) for _, ir in irreps):
        return Refusal(f"irreps={irreps} has no scalar for the gate", "add 0e, or 0")
    return refusal


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": feature_space(problem)}


def _weights(problem: Problem) -> Mapping[str, Space]:
    channels = shape_of(problem)[1]
    return {name: Space((channels, channels), draw=mixing(channels)) for name in ("a", "b", "g")}


def mixing(channels: int) -> Callable[[np.random.Generator], Array]:
    """Draw [C, C] so that independent inputs of unit variance give outputs of unit variance."""
    shape = channels, channels
    return lambda rng: np.asarray(rng.standard_normal(shape) / np.sqrt(channels))


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Couple every two degrees with their Gaunt tensors; no grid is used."""
    x, irreps = inputs["x"], irreps_in_of(problem)
    first = np.einsum("ck,bkd->bcd", weights["a"], x)
    second = np.einsum("ck,bkd->bcd", weights["b"], x)
    places = {ir.l: place for (_, ir), place in zip(irreps, irreps.slices(), strict=True)}
    product = np.zeros(x.shape)
    for l3, out in places.items():
        for l1, one in places.items():
            for l2, two in places.items():
                if abs(l1 - l2) <= l3 <= l1 + l2:
                    product[..., out] += np.einsum(
                        "bci,bcj,ijk->bck",
                        first[..., one],
                        second[..., two],
                        gaunt(l1, l2, l3),
                        optimize=True,
                    )
    scalars = np.einsum("ck,bk->bc", weights["g"], x[..., places[0].start])
    return {"z": activate(activation_of(problem), scalars)[..., None] * product}


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count mixtures, separable stages of three transforms on the smallest grid, and products."""
    batch, channels, dim = shape_of(problem)
    degree = product_degree(problem)
    rings, azimuths = degree // 2 + 1, degree + 1
    orders = 2 * irreps_in_of(problem).lmax + 1
    mixed = 2 * channels * channels * (2 * dim + 1)
    stages = 2 * (dim * rings + orders * rings * azimuths)
    each = 3 * stages + rings * azimuths + 10 + dim
    numbers = 2 * batch * channels * dim + 3 * channels**2
    return {
        "flops": float(batch * (mixed + channels * each)),
        "bytes": float(numbers * BYTES[problem.dtype]),
    }


def _at_points(problem: Problem) -> AtPoints:
    inside = irreps_in_of(problem)
    return AtPoints((inside, inside), inside)


OPERATION = Operation(
    name="grid_gated_product",
    title="Gated product on the sphere",
    family="feature",
    summary="product of two mixtures of channels on the sphere, times a gate of scalars; exact",
    papers=("liao2026",),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    linear_in=(("a", 1), ("b", 1)),
    at_points=_at_points,
    users=("liao2026",),
    growth=Growth({"lmax": 3, "channels": 2}),
)
