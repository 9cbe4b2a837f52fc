r"""PONITA on a cloud of positions and orientations: directions between points, and no grid.

Each point i has an orientation for each other point j, o_ij = (r_j - r_i) / |r_j - r_i|, and a
feature there, lifted from the features h of the point [@bekkers2024]:

    f_ij = h_i A
    z_ij = 1 / (n - 1) sum_k, l != k  k(v . o_ij, |v - (v . o_ij) o_ij|, o_ij . o_kl) f_kl,
           v = r_k - r_i
    g_ij = f_ij + c * mlp(norm(z_ij + b))
    s_i  = mean_j g_ij P + p,      y_i = r_i + mean_j (g_ij Q) o_ij

over all k of a cloud of n points, i among them. Kernel, norm and perceptron are those of
`impls.layers.ponita`; there is no cutoff, so that every point is a neighbour of every other. The
paper's code sums over l, where this takes the mean, as the paper's grid does.

Orientations turn with the cloud, so that the layer is equivariant under E(d), exactly. It has no
backbone: of the questions to clouds it answers those to points that are a set.

Cost: n^2 (n - 1)^2 perceptrons of O(C^2) for each cloud.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from impls.families.cloud import (
    dimension_of,
    feature_space,
    is_set,
    position_space,
    shape_of,
)
from impls.growth import Growth
from impls.layers.perceptron import Perceptron
from impls.layers.ponita.operation import (
    block,
    block_weights,
    kernel_of,
    kernel_values,
    mlp_of,
    too_few,
)
from impls.layers.radial import matrix
from impls.operation import Operation, exact
from impls.problem import BYTES, Problem, Refusal
from impls.spaces import Arrays, Space


def kernel(channels: int) -> Perceptron:
    """Return the perceptron of the kernel."""
    return kernel_of("kernel", 3, channels)


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"y": position_space(problem), "s": feature_space(problem)}


def _weights(problem: Problem) -> Mapping[str, Space]:
    c = shape_of(problem)[2]
    found: dict[str, Space] = {name: matrix((c, c), c) for name in ("A", "P")}
    found |= {"p": Space((c,)), "Q": matrix((c,), c)}
    return found | block_weights((kernel(c),), c)


def _oracle(problem: Problem, inputs: Arrays, weights: Arrays) -> Arrays:
    """Follow the formula, one point after another, for all clouds at once."""
    r, h, count = inputs["r"], inputs["h"], inputs["r"].shape[1]
    one, f, near = kernel(h.shape[2]), h @ weights["A"], count - 1
    others = np.array([[j for j in range(count) if j != i] for i in range(count)])
    toward = r[:, others] - r[:, :, None]  # [batch, i, j, d]
    o = toward / np.linalg.norm(toward, axis=-1, keepdims=True)
    y, s = r.copy(), np.tile(weights["p"], (*r.shape[:2], 1))
    for i in range(count):
        v = r - r[:, i : i + 1]
        p = o[:, i]
        along = np.einsum("bkx,bjx->bjk", v, p)
        across = np.linalg.norm(v[:, None] - along[..., None] * p[:, :, None], axis=-1)
        turned = np.einsum("bklx,bjx->bjkl", o, p)
        k = kernel_values(one, weights, along[..., None], across[..., None], turned)
        g = block(f[:, i, None], np.einsum("bjklc,bkc->bjc", k, f) / near, weights) / near
        s[:, i] += g.sum(axis=1) @ weights["P"]
        y[:, i] += np.einsum("bj,bjx->bx", g @ weights["Q"], p)
    return {"y": y, "s": s}


def _supports(problem: Problem) -> Refusal | None:
    if not is_set(problem):
        return Refusal(
            f"backbone={problem.sizes['backbone']}: there is none here, and points are a set",
            "ask with backbone=deepsets",
        )
    return too_few(shape_of(problem)[2])


def _cost(problem: Problem) -> Mapping[str, float]:
    """Count the kernel at each two orientations, products and sums, and the block at each."""
    batch, n, c = shape_of(problem)
    one, mlp, ends = kernel(c), mlp_of(c), n * (n - 1)
    each = ends * ends * (one.flops + 2 * c * c + one.widths[0] + 5 + 2 * c) + ends * n * 14
    whole = each + ends * (mlp.flops + 14 * c + 2 * c + 15) + n * 2 * 2 * c * c
    weights = one.numbers + mlp.numbers + 3 * c * c + 6 * c
    numbers = 2 * batch * n * (dimension_of(problem) + c) + weights
    return {"flops": float(batch * whole), "bytes": float(numbers * BYTES[problem.dtype])}


OPERATION = Operation(
    name="ponita_cloud_layer",
    title="PONITA layer, point cloud",
    family="cloud",
    reads=("r", "h"),
    summary="features at the directions between points of a cloud, and a kernel of these: no grid",
    papers=("bekkers2024",),
    claims=exact("rotation", "inversion", "mirror", "translation", "permutation"),
    outputs=_outputs,
    oracle=_oracle,
    cost=_cost,
    supports=_supports,
    weights=_weights,
    users=("bekkers2024",),
    growth=Growth({"lmax": 0, "channels": 2}),
)
