r"""Averages over frames of each group of a partition: equivariant under motions of single parts.

The layer of [@atzmon2024], with the partition as an input. A point i has the share w_ij in group j,
of mass W_j = sum_i w_ij and centre c_j = sum_i w_ij r_i / W_j. V_j has the eigenvectors of the
weighted covariance sum_i w_ij (r_i - c_j)(r_i - c_j)^T as columns, by ascending eigenvalue. What is
no member of a group is pulled to its centre, p_ij = w_ij (r_i - c_j), and in each of K frames
Q_jk = V_j diag(signs_k) a DeepSets [@zaheer2017] of the points and their features h says

    z_ijk = silu(A [Q_jk^T p_ij, h_i] + a)
    [q_ijk, s_ijk] = B z_ijk + D sum_l w_lj z_ljk / W_j

The mean over the frames [@puny2022], and of the groups by the shares of the point, is

    y_i = sum_j w_ij (c_j + 1/K sum_k Q_jk q_ijk),    s_i = sum_j w_ij 1/K sum_k s_ijk.

    piecewise_averaging         all 8 signs: E(3) for each part
    piecewise_averaging_proper  (+-v1, +-v2, their cross product), 4 frames: SE(3) for each part

**When it is equivariant.** A motion of a part moves groups as a whole where each group lies within
a part. So any refinement of the true partition does, and no coarser one, and none that joins points
of two parts. For a partition that is drawn, and is no refinement with probability lambda,

    E |f(g x) - g f(x)| <= (lambda + delta) M

with M the largest error of a wrong one, and delta for shares that are neither 0 nor 1
[@atzmon2024]. The published layer predicts its partitions, from its own outputs, layer by layer;
and a point enters with offsets to its neighbours and a normal too.

Spectra of groups must not be degenerate, as for `impls.layers.averaging`. The cost is that of K
frames for each group and point, O(K groups points C^2), whether or not the point is a member: which
are is known when it runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from impls.families import cloud
from impls.families.piecewise import feature_space, groups_of, position_space, shape_of
from impls.growth import Growth
from impls.layers.averaging import backbone
from impls.layers.averaging.operation import PRINCIPAL, PROPER, SIGNS
from impls.operation import Operation, SymmetryClaim, exact
from impls.pointwise.activations import activate
from impls.problem import BYTES, Problem
from impls.spaces import Array, Arrays, Space

Signs = Sequence[tuple[float, ...]]


def as_cloud(problem: Problem) -> Problem:
    """Return the question to the backbone: all points of a cloud, as a set."""
    batch, points, channels = shape_of(problem)
    return cloud.ask(points, "deepsets", channels=channels, batch=batch)


def _weights(problem: Problem) -> Mapping[str, Space]:
    return backbone.weights_of(as_cloud(problem))


def _outputs(problem: Problem) -> Mapping[str, Space]:
    return {"y": position_space(problem), "s": feature_space(problem)}


def _axes(p: Array, w: Array, proper: bool) -> Array:
    """Return principal axes [batch, 3, 3] as columns: singular vectors of the covariance."""
    axes = np.linalg.svd(np.einsum("bi,bix,biy->bxy", w, p, p))[0][..., ::-1]
    if proper:
        axes[..., 2] = np.cross(axes[..., 0], axes[..., 1])
    return np.asarray(axes)


def _oracle(
    signs: Signs, proper: bool, problem: Problem, inputs: Arrays, weights: Arrays
) -> Arrays:
    """Follow the formula, group by group and frame by frame."""
    r, h = inputs["r"], inputs["h"]
    y, s = np.zeros(r.shape), np.zeros(h.shape)
    for w in np.moveaxis(inputs["w"], 2, 0):
        shares = w / w.sum(axis=1, keepdims=True)
        centre = np.einsum("bi,bix->bx", shares, r)[:, None]
        axes = _axes(r - centre, w, proper)
        y += w[..., None] * centre
        for sign in signs:
            q = axes * np.array(sign)
            seen = np.concatenate([w[..., None] * (r - centre) @ q, h], axis=2)
            z = activate("silu", np.einsum("hn,bin->bih", weights["A"], seen) + weights["a"])
            said = np.einsum("nh,bih->bin", weights["B"], z)
            said += np.einsum("nh,bi,bih->bn", weights["D"], shares, z)[:, None]
            said *= w[..., None] / len(signs)
            y += np.einsum("bxk,bik->bix", q, said[..., :3])
            s += said[..., 3:]
    return {"y": y, "s": s}


def _cost(signs: Signs, problem: Problem) -> Mapping[str, float]:
    """Count axes and centres of each group, the backbone in each frame, and the sum of groups."""
    (batch, points, channels), groups = shape_of(problem), groups_of(problem)
    asked, numbers = as_cloud(problem), 3 + channels
    each = backbone.flops(asked) + points * (2 * 2 * 9 + numbers)
    of_group = points * (6 + 6 + 2 * 9 + 2 * numbers) + PRINCIPAL[3] + len(signs) * each
    moved = batch * points * (2 * numbers + groups) + backbone.numbers(asked)
    return {
        "flops": float(batch * groups * of_group),
        "bytes": float(moved * BYTES[problem.dtype]),
    }


def _averaging(
    name: str, title: str, summary: str, signs: Signs, claims: tuple[SymmetryClaim, ...]
) -> Operation:
    proper = signs is PROPER[3]
    return Operation(
        name=name,
        title=title,
        family="piecewise",
        summary=summary,
        papers=("atzmon2024", "puny2022"),
        claims=(*claims, *exact("translation", "permutation")),
        outputs=_outputs,
        oracle=partial(_oracle, signs, proper),
        cost=partial(_cost, signs),
        weights=_weights,
        users=("atzmon2024",),
        growth=Growth({"lmax": 0, "channels": 2}),
    )


ALL = _averaging(
    "piecewise_averaging",
    "Piecewise frame averaging",
    "mean of a backbone over the 8 frames of each group of a partition: E(3) for each part",
    SIGNS[3],
    exact("rotation", "inversion"),
)

RIGHT_HANDED = _averaging(
    "piecewise_averaging_proper",
    "Piecewise frame averaging, proper",
    "mean of a backbone over the 4 right-handed frames of each group: SE(3) for each part",
    PROPER[3],
    exact("rotation"),
)
