r"""Grid MLP: evaluate channels on a grid of the sphere, apply an MLP at each point, expand again.

    f_c(n) = sum_lm x_clm Y_lm(n),     h_k(n) = phi(sum_c A_kc f_c(n)),
    z_clm = sum_p w_p Y_lm(n_p) sum_k B_ck h_k(n_p)

with orthonormal harmonics, p over `resolution` = R Gauss-Legendre rings of 2R equidistant azimuths
and HIDDEN times as many channels k as c; A and B are the same at every point. It is the
feed-forward layer of [@liao2024] and [@miklaucic2025]: values at a point are numbers, of which any
function is allowed. z has the degrees of x.

As for `grid_nonlinearity`, which is this without A and B, the grid aliases what phi creates above
the degrees of x: rotations are approximate, better with more rings, and are not claimed. Inversion
maps the grid to itself and is claimed. The quadratic part of phi is a Gaunt product of channels, so
that from natural parity no pseudo-tensor can arise. x is one function for each channel: each degree
once, of natural parity or without parity. Cost: the transforms of all channels, and 2 HIDDEN C^2
multiplications at each of 2R^2 points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np
from scipy.special import sph_harm_y

from impls.families.feature import activation_of, feature_space, irreps_in_of, shape_of
from impls.growth import Growth
from impls.operation import Operation, SymmetryClaim, exact
from impls.pointwise.activations import activate
from impls.pointwise.grid_nonlinearity.operation import OPERATION as WITHOUT_WEIGHTS
from impls.pointwise.grid_nonlinearity.operation import RESOLUTION, activated, resolution_of
from impls.problem import BYTES, Problem
from impls.spaces import Array, Arrays, Space

HIDDEN = 2
"""Hidden channels for each channel."""


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": feature_space(problem)}


def _weights(problem: Problem) -> Mapping[str, Space]:
    channels = shape_of(problem)[1]

    def matrix(rows: int, columns: int) -> Space:
        return Space((rows, columns), draw=_scaled((rows, columns)))

    return {"a": matrix(HIDDEN * channels, channels), "b": matrix(channels, HIDDEN * channels)}


def _scaled(shape: tuple[int, int]) -> Callable[[np.random.Generator], Array]:
    """Draw so that independent inputs of unit variance give outputs of unit variance."""
    return lambda rng: np.asarray(rng.standard_normal(shape) / np.sqrt(shape[1]))


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Sum over rings, one ring of points at a time."""
    degrees = tuple(ir.l for _, ir in irreps_in_of(problem))
    z = np.zeros(inputs["x"].shape)
    for harmonics, weight in _rings(degrees, resolution_of(problem)):
        values = np.einsum("bcd,pd->bpc", inputs["x"], harmonics)
        hidden = activate(activation_of(problem), values @ weights["a"].T)
        z += weight * np.einsum("bpc,pd->bcd", hidden @ weights["b"].T, harmonics)
    return {"z": z}


@lru_cache(maxsize=32)
def _rings(degrees: tuple[int, ...], rings: int) -> tuple[tuple[Array, float], ...]:
    """Return orthonormal real harmonics [2R, dim] and the weight of a point, for each ring."""
    nodes, node_weights = np.polynomial.legendre.leggauss(rings)
    azimuths = np.pi / rings * np.arange(2 * rings)
    found = []
    for cosine, weight in zip(nodes, node_weights, strict=True):
        columns = []
        for l in degrees:  # noqa: E741
            for m in range(-l, l + 1):
                # (-1)^m removes the Condon-Shortley phase of SciPy
                value = (-1) ** m * sph_harm_y(l, abs(m), np.arccos(cosine), azimuths)
                columns.append((value.imag if m < 0 else value.real) * (np.sqrt(2) if m else 1.0))
        found.append((np.stack(columns, axis=-1), float(weight * np.pi / rings)))
    return tuple(found)


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count separable stages each way, both matrices and ten operations for each activation."""
    batch, channels, dim = shape_of(problem)
    rings = resolution_of(problem)
    orders, points = 2 * irreps_in_of(problem).lmax + 1, 2 * rings**2
    stages = 2 * channels * (2 * dim * rings + 2 * orders * points)
    mlp = points * (4 * HIDDEN * channels**2 + 10 * HIDDEN * channels)
    numbers = 2 * batch * channels * dim + 2 * HIDDEN * channels**2
    return {
        "flops": float(batch * (stages + mlp)),
        "bytes": float(numbers * BYTES[problem.dtype]),
    }


OPERATION = Operation(
    name="grid_mlp",
    title="Grid MLP",
    family="feature",
    summary="MLP over channels at every point of a grid of the sphere",
    papers=("liao2024", "miklaucic2025"),
    knobs=(RESOLUTION,),
    claims=(*exact("inversion"), SymmetryClaim("rotation", "by_knob", "resolution")),
    at_points=activated,
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=WITHOUT_WEIGHTS.supports,
    weights=_weights,
    linear_in=(("b", 1),),
    users=("liao2024", "miklaucic2025"),
    growth=Growth({"lmax": 3, "channels": 2}),
)
