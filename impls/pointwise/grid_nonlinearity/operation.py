r"""Grid nonlinearity: evaluate on a grid of the sphere, apply an activation, expand again.

    f(n) = sum_lm x_lm Y_lm(n),     z_lm = sum_p w_p Y_lm(n_p) phi(f(n_p))

with orthonormal harmonics and p over `resolution` = R Gauss-Legendre rings of 2R equidistant
azimuths [@cohen2018] [@liao2024]. z has the degrees of x; what phi creates above them is cut off.

Without the grid the map would be equivariant under rotations for any phi. phi(f) is no polynomial,
so every grid aliases: equivariance is approximate and improves with R, at a rate that depends on
the size of f. Rotations are therefore not claimed. The grid is symmetric under n -> -n (rings come
in pairs, and 2R is even), which makes inversion exact; it is claimed.

The quadratic part of phi is the Gaunt product of x with itself, so that from natural parity no
pseudo-tensor can arise. x is one function: each degree once, of natural parity or without parity.
Cost: O(L^2 R^2) by one matrix each way, O(L R^2 + L^2 R) in separable stages.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from scipy.special import sph_harm_y

from impls.families.feature import activation_of, feature_space, irreps_in_of, no_layer, shape_of
from impls.growth import Growth
from impls.operation import AtPoints, Knob, Operation, SymmetryClaim, exact
from impls.pointwise.activations import activate
from impls.problem import BYTES, Problem, Refusal
from impls.spaces import Array, Arrays, Space

RESOLUTION = Knob(
    "resolution",
    default=lambda problem: 4 * irreps_in_of(problem).lmax + 2,
    values=lambda problem: tuple(
        dict.fromkeys(k * irreps_in_of(problem).lmax + max(1, k - 2) for k in (1, 2, 4, 8))
    ),
)
"""The number of rings: 4 L + 2 unless said otherwise."""


def resolution_of(problem: Problem) -> int:
    """Return R, the number of rings."""
    rings: int = RESOLUTION.of(problem)
    return rings


def _supports(problem: Problem) -> Refusal | None:
    refusal = no_layer(problem)
    if refusal:
        return refusal
    irreps, rings = irreps_in_of(problem), resolution_of(problem)
    if isinstance(rings, bool) or not isinstance(rings, int):
        return Refusal(f"knob resolution={rings!r} is not an integer", "use a number of rings")
    degrees = [ir.l for _, ir in irreps]
    if len(set(degrees)) < len(degrees):
        return Refusal(
            f"irreps={irreps} is not one function on the sphere: a degree is repeated",
            "use channels",
        )
    wrong = [str(ir) for _, ir in irreps if ir.p not in (0, (-1) ** ir.l)]
    if wrong:
        return Refusal(
            f"irreps={irreps}: {', '.join(wrong)} is not of natural parity, as functions on the "
            "sphere are",
            "use 0e+1o+2e...",
        )
    if rings <= irreps.lmax:
        return Refusal(
            f"resolution={rings}: degree {irreps.lmax} needs at least {irreps.lmax + 1} rings"
        )
    return None


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": feature_space(problem)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    harmonics, quadrature = harmonics_on(
        tuple(ir.l for _, ir in irreps_in_of(problem)), resolution_of(problem)
    )
    values = activate(activation_of(problem), inputs["x"] @ harmonics.T)
    return {"z": (values * quadrature) @ harmonics}


@lru_cache(maxsize=64)
def harmonics_on(degrees: tuple[int, ...], rings: int) -> tuple[Array, Array]:
    """Return orthonormal real harmonics [points, dim] and quadrature weights [points]."""
    nodes, node_weights = np.polynomial.legendre.leggauss(rings)
    azimuths = np.pi / rings * np.arange(2 * rings)
    theta, phi = (a.ravel() for a in np.meshgrid(np.arccos(nodes), azimuths, indexing="ij"))
    columns = []
    for l in degrees:  # noqa: E741
        for m in range(-l, l + 1):
            # (-1)^m removes the Condon-Shortley phase of SciPy
            value = (-1) ** m * sph_harm_y(l, abs(m), theta, phi)
            columns.append((value.imag if m < 0 else value.real) * (np.sqrt(2) if m else 1.0))
    return np.stack(columns, axis=-1), np.repeat(node_weights, 2 * rings) * (np.pi / rings)


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count separable stages each way, ten operations for each activation, and x and z once."""
    batch, channels, dim = shape_of(problem)
    samples, rings = batch * channels, resolution_of(problem)
    orders = 2 * irreps_in_of(problem).lmax + 1
    stages = 2 * (2 * dim * rings + 2 * orders * rings * 2 * rings)
    return {
        "flops": float(samples * (stages + 10 * 2 * rings**2)),
        "bytes": float(2 * samples * dim * BYTES[problem.dtype]),
    }


def activated(problem: Problem) -> AtPoints:
    """Return the function, whose values meet an activation."""
    inside = irreps_in_of(problem)
    return AtPoints((inside,), inside, activation_of(problem))


OPERATION = Operation(
    name="grid_nonlinearity",
    title="Grid nonlinearity",
    family="feature",
    summary="activation of a function on the sphere, point by point on a grid",
    papers=("cohen2018", "liao2024"),
    knobs=(RESOLUTION,),
    claims=(*exact("inversion"), SymmetryClaim("rotation", "by_knob", "resolution")),
    at_points=activated,
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    users=("passaro2023", "liao2024"),
    growth=Growth({"lmax": 3, "channels": 1}),
)
