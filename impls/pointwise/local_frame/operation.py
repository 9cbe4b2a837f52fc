r"""Local frame: turn a channel into a frame of its own, apply an activation, turn it back.

With u and v the first two vectors (degree 1) of a channel,

    e1 = u/|u|,   e2 = (v - (v.e1) e1)/|...|,   e3 = e1 x e2,   R = rows e1, e2, e3,
    z = D(R)^T phi(D(R) x)

In the frame all components are invariant under rotations, so phi may be anything and couples what
it likes; a network would put a multilayer perceptron there [@du2022] [@lippmann2025]. Here phi acts
on each component alone. Equivariant under rotations almost everywhere: where u and v are parallel
the frame jumps, and near there the gradient grows like 1/sin(angle), so that data "frames", which
keeps away from this, is asked for.

e3 is an axial vector: the frame keeps its handedness under inversion, which in the frame acts as a
reflection and changes the signs of some components. An odd phi commutes with that and silu does
not, so that inversion is not claimed.

Cost: O(L^3) for each rotation, and O(L^4) to build D up to degree L by recursion.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.feature import (
    activation_of,
    feature_space,
    irreps_in_of,
    no_layer,
    shape_of,
    vectors_of,
)
from impls.growth import Growth
from impls.operation import Operation, exact
from impls.pointwise.activations import activate
from impls.problem import BYTES, Problem, Refusal
from impls.so3.rotations import representation
from impls.spaces import Arrays, Space


def _supports(problem: Problem) -> Refusal | None:
    refusal = no_layer(problem)
    if refusal:
        return refusal
    found = len(vectors_of(irreps_in_of(problem)))
    if found < 2:
        return Refusal(
            f"irreps={irreps_in_of(problem)} has {found} of the two vectors that define a frame",
            "add 1o, or 1",
        )
    if problem.data != "frames":
        return Refusal(
            f"data {problem.data!r} has vectors that are nearly parallel, whose frames magnify "
            "rounding without bound",
            "ask for data 'frames'",
        )
    return None


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"z": feature_space(problem)}


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    irreps, x = irreps_in_of(problem), inputs["x"]
    u, v = (x[..., part] for part in vectors_of(irreps)[:2])
    # The QR decomposition of (u, v), with signs such that u and v have positive components.
    q, r = np.linalg.qr(np.stack([u, v], axis=-1))
    plane = q * np.sign(np.diagonal(r, axis1=-2, axis2=-1))[..., None, :]
    third = np.cross(plane[..., 0], plane[..., 1])
    frame = np.concatenate([np.swapaxes(plane, -1, -2), third[..., None, :]], axis=-2)
    turn = representation(irreps, frame)
    local = activate(activation_of(problem), np.einsum("bcij,bcj->bci", turn, x))
    return {"z": np.einsum("bcji,bcj->bci", turn, local)}


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count both rotations of each item, the recursion of D up to lmax, and the activation."""
    batch, channels, dim = shape_of(problem)
    irreps = irreps_in_of(problem)
    turns = sum(4 * ir.dim**2 for _, ir in irreps)
    recursion = 0
    for degree in range(2, irreps.lmax + 1):
        outer, dim_l = 3 * (2 * degree - 1), 2 * degree + 1
        recursion += outer**2 * (1 + 2 * dim_l) + 2 * outer * dim_l**2
    samples = batch * channels
    return {
        "flops": float(samples * (turns + recursion + 10 * dim + 40)),
        "bytes": float(2 * samples * dim * BYTES[problem.dtype]),
    }


OPERATION = Operation(
    name="local_frame",
    title="Local frame",
    family="feature",
    summary="activation of each component in a frame built from two vectors of the channel",
    papers=("du2022", "lippmann2025"),
    claims=exact("rotation"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    users=("du2022", "lippmann2025"),
    growth=Growth({"lmax": 4, "channels": 1}),
)
