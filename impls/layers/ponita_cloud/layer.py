"""PONITA on a cloud, with the kernel at each two orientations of a cloud stored."""

from __future__ import annotations

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.cloud import dimension_of, shape_of
from impls.implementation import Built, Tensors
from impls.layers.ponita.layer import Block, Kernel
from impls.layers.ponita_cloud.operation import kernel
from impls.points.harmonics import supports_vectors
from impls.problem import Problem


def pairs(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    batch, n, c = shape_of(problem)
    near, values, block = n - 1, Kernel(kernel(c), b), Block(c, b)
    dimension = dimension_of(problem)
    others = b.index(np.flatnonzero(~np.eye(n, dtype=bool)))
    # v is along o_ij itself where k is j, and zero where k is i: its root would have no gradient
    straight = np.zeros((n, near, n))
    first, second = np.nonzero(~np.eye(n, dtype=bool))
    straight.reshape(n * near, n)[np.arange(n * near), first] = 1
    straight.reshape(n * near, n)[np.arange(n * near), second] = 1
    along_itself, apart = b.table(straight), b.table((1 - straight)[..., None])
    shape = batch, n, near, n, near, 1

    def call(inputs: Tensors, w: Tensors) -> Tensors:
        r, h = inputs["r"], inputs["h"]
        v = r[:, None] - r[:, :, None]  # [batch, i, k, d]
        d = b.take(v.reshape(batch, n * n, dimension), others, 1)
        d = d / ((d * d).sum(-1)[..., None]) ** 0.5
        o = d.reshape(batch, n, near, dimension)
        along = o @ v.swapaxes(2, 3)  # [batch, i, j, k]
        across = (v[:, :, None] - along[..., None] * o[:, :, :, None]) * apart
        across = ((across * across).sum(-1) + along_itself) ** 0.5 - along_itself
        turned = (d @ d.swapaxes(1, 2)).reshape(shape)
        wide = [b.broadcast(a[..., None, None], shape) for a in (along, across)]
        f = h @ w["A"]
        sent = values(w, *wide, turned) * f[:, None, None, :, None]
        f = b.broadcast(f[:, :, None], (batch, n, near, c))
        g = block(f, sent.sum((3, 4)) / near, w)
        moves = ((g @ w["Q"])[..., None] * o).mean(2)
        return {"y": r + moves, "s": g.mean(2) @ w["P"] + w["p"]}

    return Built(call, kernel="kernel at each two orientations stored")


ALGORITHM = Algorithm(
    "ponita_cloud_layer",
    "pairs",
    "kernel at each two orientations of a cloud stored",
    pairs,
    supports=supports_vectors,
    papers=("bekkers2024",),
    baseline=True,
)
