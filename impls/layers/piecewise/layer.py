"""The average over frames of each group as it is written, and with linear layers once.

`whole` has the backbone at every frame of every group, all at once. `once` has what is linear once:
the first layer at a frame V diag(signs) is the sum of its parts along the three axes, with signs,

    A [diag(signs) V^T p, h] + a = sum_axes sign_axis A_axis (V^T p)_axis + (A_h h + a)

where the last part is the same for all groups; and what comes after the activation is linear, so
that it meets the means over frames alone. Activations and their sums are left for every frame.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.piecewise import groups_of, shape_of
from impls.implementation import Built, Tensors
from impls.layers.averaging.axes import right_handed, signed, supports
from impls.layers.averaging.backbone import hidden_of
from impls.layers.averaging.operation import PROPER, SIGNS
from impls.layers.piecewise.operation import ALL, RIGHT_HANDED, Signs, as_cloud
from impls.problem import Problem


class Groups:
    """Centres, members and axes of the groups of a partition, in any framework."""

    def __init__(self, proper: bool, b: Backend) -> None:
        """Take whether axes are right-handed."""
        self.b, self.turned = b, right_handed(b) if proper else lambda v: v

    def __call__(self, inputs: Tensors) -> tuple[Any, Any, Any, Any, Any]:
        """Return w and w / W [batch, groups, points, 1], c, p and V for each batch and group.

        c [batch, groups, 1, 3], p [batch, groups, points, 3], V [batch groups, 3, 3].
        """
        w = inputs["w"].swapaxes(1, 2)
        shares = w / w.sum(2)[:, :, None]
        centre = (shares @ inputs["r"])[:, :, None]
        apart = inputs["r"][:, None] - centre
        p = apart * w[..., None]
        axes = self.b.eigenvectors((apart.swapaxes(2, 3) @ p).reshape(-1, 3, 3))
        return w[..., None], shares[..., None], centre, p, self.turned(axes)


def whole(signs: Signs, proper: bool, problem: Problem, b: Backend, options: Options) -> Built:
    """Build the average with the backbone at every frame."""
    (batch, points, channels), groups = shape_of(problem), groups_of(problem)
    of, table, activation = Groups(proper, b), b.table(np.array(signs)[None]), b.activation("silu")
    rows, frames = batch * groups, len(signs)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        w, shares, centre, p, v = of(inputs)
        q = signed(v, table)
        h = b.broadcast(inputs["h"][:, None, None], (batch, groups, frames, points, channels))
        h = h.reshape(rows, frames, points, channels)
        seen = b.concatenate((p.reshape(rows, 1, points, 3) @ q, h), 3)
        z = activation(seen @ weights["A"].T + weights["a"])
        pooled = shares.reshape(rows, 1, 1, points) @ z
        said = z @ weights["B"].T + pooled @ weights["D"].T
        back = (said[..., :3] @ q.swapaxes(2, 3)).mean(1).reshape(batch, groups, points, 3)
        s = said[..., 3:].mean(1).reshape(batch, groups, points, channels)
        return {"y": ((centre + back) * w).sum(1), "s": (s * w).sum(1)}

    return Built(call)


def once(signs: Signs, proper: bool, problem: Problem, b: Backend, options: Options) -> Built:
    """Build the average with what is linear computed once."""
    (batch, points, _), groups, count = shape_of(problem), groups_of(problem), len(signs)
    of, activation, hidden = Groups(proper, b), b.activation("silu"), hidden_of(as_cloud(problem))
    first, last = b.table(np.array(signs)), b.table(np.array(signs).T / count)
    shape, rows = (batch, groups, points), batch * groups * points

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        w, shares, centre, p, v = of(inputs)
        v, shares = v.reshape(batch, groups, 3, 3), shares.swapaxes(2, 3)
        u = (p @ v).reshape(rows, 3).T
        along = (u[:, :, None] * weights["A"][:, :3].T[:, None]).reshape(3, rows * hidden)
        still = (inputs["h"] @ weights["A"][:, 3:].T + weights["a"])[:, None]
        still = b.broadcast(still, (*shape, hidden)).reshape(1, rows * hidden)
        z = activation(first @ along + still)
        mean, axial = z.mean(0).reshape(*shape, hidden), (last @ z).reshape(3, *shape, hidden)
        own, others = weights["B"], weights["D"]
        q = (axial * own[:3, None, None, None]).sum(4)
        q = q + ((shares @ axial) * others[:3, None, None, None]).sum(4)
        back = q.reshape(3, rows).T.reshape(*shape, 3) @ v.swapaxes(2, 3)
        s = (mean * w).sum(1) @ own[3:].T + ((shares @ mean) * w).sum(1) @ others[3:].T
        return {"y": ((centre + back) * w).sum(1), "s": s}

    return Built(call)


ALGORITHMS = tuple(
    Algorithm(
        operation.name,
        name,
        title,
        partial(build, signs, signs is PROPER[3]),
        supports=supports,
        papers=("atzmon2024", "puny2022"),
    )
    for operation, signs in ((ALL, SIGNS[3]), (RIGHT_HANDED, PROPER[3]))
    for name, title, build in (
        ("whole", "the backbone at every frame of every group", whole),
        ("once", "linear layers once, activations at every frame", once),
    )
)
