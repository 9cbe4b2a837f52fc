r"""Rotation of features: Wigner matrices of given rotation matrices, built and applied in the call.

    z_c[l] = D_l(R) x_c[l]

for each item l of the irreps and channel c, each sample with its own R. D_l is defined by
D_l(R) Y_l(v) = Y_l(R v), so that D_1(R) = R and D(R S) = D(R) D(S) [@varshalovich1988] ch. 4; R is
a proper rotation, and parities play no role. It is what eSCN does twice for each edge, to the frame
of the edge and back, and what remains when one R serves many layers [@passaro2023].

Cost: O(L^3) for each channel, as long as D is given: building it is O(L^4) by recursion and O(L^3)
from angles, for all channels together.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.turned import feature_space, irreps_of, shape_of
from impls.growth import Growth
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem
from impls.so3.harmonics import spherical_harmonics
from impls.so3.quadrature import gauss_legendre
from impls.spaces import Arrays, Space


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": feature_space(problem)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Integrate Y(R v) Y(v)^T over the sphere, which is D(R), with an exact quadrature."""
    irreps, x, turns = irreps_of(problem), inputs["x"], inputs["R"]
    grid, lmax = gauss_legendre(2 * irreps.lmax), irreps.lmax
    points, weights_of_points = grid.points().reshape(-1, 3), grid.weights().ravel()
    plain = weights_of_points[:, None] * spherical_harmonics(lmax, points)
    z = np.empty(x.shape)
    for sample, turn in enumerate(turns):
        matrix = spherical_harmonics(lmax, points @ turn.T).T @ plain
        for (_, ir), part in zip(irreps, irreps.slices(), strict=True):
            mine = slice(ir.l**2, (ir.l + 1) ** 2)
            z[sample, :, part] = x[sample, :, part] @ matrix[mine, mine].T
    return {"z": z}


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count the products with D, and for each sample the recursion of D up to lmax."""
    (batch, channels, dim), irreps = shape_of(problem), irreps_of(problem)
    turned = sum(2 * ir.dim**2 for _, ir in irreps)
    recursion = 0
    for degree in range(2, irreps.lmax + 1):
        outer, dim_l = 3 * (2 * degree - 1), 2 * degree + 1
        recursion += outer**2 * (1 + 2 * dim_l) + 2 * outer * dim_l**2
    numbers = batch * (2 * channels * dim + 9)
    return {
        "flops": float(batch * (channels * turned + recursion)),
        "bytes": float(numbers * BYTES[problem.dtype]),
    }


OPERATION = Operation(
    name="wigner_rotation",
    title="Wigner rotation",
    family="turned",
    summary="features turned by Wigner matrices of given rotations, built in the call",
    papers=("varshalovich1988",),
    claims=exact("rotation", "inversion"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    linear_in=(("x", 1),),
    refused={"grad2": "it is linear in x, and nothing else is differentiated"},
    users=("passaro2023", "liao2024"),
    growth=Growth({"lmax": 4, "channels": 1}, "few channels: building D; else L^3"),
)
