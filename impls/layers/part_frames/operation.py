r"""Frames of rigid parts: the pose of each part by its principal axes alone, without weights.

For each part, with its points p_i centred at their mean, v_1 and v_2 the eigenvectors of the two
smallest eigenvalues of sum_i p_i p_i^T,

    R = (e_1, e_2, e_1 x e_2),     e_k = sign(sum_i <p_i, v_k>^3) v_k

as columns, where the third moments choose the signs, as `minimal_frame` does for whole clouds. It
is exact under all rotations, and jumps where eigenvalues meet or a third moment vanishes: what is
exact and cannot be learned, beside ArtEq. Features are not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.parts import pose_space, shape_of
from impls.growth import Growth
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem
from impls.spaces import Arrays

PRINCIPAL = 150.0
"""Operations for the eigenvectors of a symmetric matrix [3, 3], about."""


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Take the right singular vectors of each part, the last first."""
    r = inputs["r"]
    p = r - r.mean(axis=2, keepdims=True)
    v = np.linalg.svd(p, full_matrices=False)[2][..., ::-1, :].swapaxes(2, 3)
    moments = (np.einsum("bnix,bnxk->bnik", p, v) ** 3).sum(axis=2)
    e = v * np.copysign(1.0, moments)[:, :, None]
    third = np.cross(e[..., 0], e[..., 1])
    return {"R": np.stack([e[..., 0], e[..., 1], third], axis=3)}


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count the centre, the matrix, its axes, points along two of them and their cubes."""
    batch, parts, points, _ = shape_of(problem)
    each = points * (6 + 18 + 2 * 5 + 2 * 3) + PRINCIPAL + 15
    return {
        "flops": float(batch * parts * each),
        "bytes": float(batch * parts * (3 * points + 9) * BYTES[problem.dtype]),
    }


OPERATION = Operation(
    name="part_frames",
    title="Frames of parts",
    family="parts",
    reads=("r",),
    summary="the pose of each part by its principal axes, with signs of third moments",
    papers=("lin2024", "puny2022"),
    claims=exact("rotation", "translation", "permutation", "tetrahedral", "icosahedral"),
    outputs=lambda problem: {"R": pose_space(problem)},
    oracle=_oracle,
    cost=_cost,
    growth=Growth({"lmax": 0, "channels": 0}),
)
