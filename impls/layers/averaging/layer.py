"""The average as it is written: the backbone at every matrix, all at once.

For K matrices it costs K times the backbone. Where the matrices are V diag(signs) with signs that
are the same for all clouds, `once` computes what is linear once: with u = p V the first layer is

    A [u diag(s), h] + a = sum_axes s_axis A_axis u_axis + (A_h h + a)

so that a product for each axis and one for h serve all K frames, and only sums and activations z_k
are K times there. What comes after the activation is linear: B and D meet the means of z_k and of
s_axis z_k for each axis, and no frame alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.cloud import dimension_of, is_set, shape_of
from impls.implementation import Built, Tensors
from impls.layers.averaging.axes import right_handed, signed, supports
from impls.layers.averaging.backbone import hidden_of
from impls.layers.averaging.operation import (
    DRAWN,
    ELEMENTS,
    IMPROPER,
    PROPER,
    ROTATIONS,
    SIGNS,
    Signs,
)
from impls.problem import Problem

Matrices = Callable[[Problem, Backend], Callable[[Any, Tensors], Any]]
"""Given p [batch, points, d] and the inputs, Q [batch or 1, K, d, d]."""


def _axes(b: Backend, p: Any) -> Any:
    """Return the principal axes V [batch, d, d] as columns."""
    return b.eigenvectors(p.swapaxes(1, 2) @ p)


def _all_signs(problem: Problem, b: Backend) -> Callable[[Any, Tensors], Any]:
    signs = b.table(np.array(SIGNS[dimension_of(problem)])[None])
    return lambda p, inputs: signed(_axes(b, p), signs)


def _proper(problem: Problem, b: Backend) -> Callable[[Any, Tensors], Any]:
    d = dimension_of(problem)
    signs, turned = b.table(np.array(PROPER[d])[None]), right_handed(b, d)
    return lambda p, inputs: signed(turned(_axes(b, p)), signs)


def _drawn(problem: Problem, b: Backend) -> Callable[[Any, Tensors], Any]:
    count = DRAWN.of(problem)

    def matrices(p: Any, inputs: Tensors) -> Any:
        v = _axes(b, p)
        return signed(v, 1 - 2 * b.is_negative(inputs["n"][:, :count] @ v))

    return matrices


def _by_moments(problem: Problem, b: Backend) -> Callable[[Any, Tensors], Any]:
    def matrices(p: Any, inputs: Tensors) -> Any:
        v = _axes(b, p)
        u = p @ v
        return signed(v, 1 - 2 * b.is_negative((u * u * u).sum(1)[:, None]))

    return matrices


def _of_group(problem: Problem, b: Backend) -> Callable[[Any, Tensors], Any]:
    d = dimension_of(problem)
    turns = ROTATIONS[d](ELEMENTS.of(problem))
    table = b.table(np.concatenate([turns, turns @ IMPROPER[d]])[None])
    return lambda p, inputs: table


def _centred(r: Any) -> tuple[Any, Any]:
    centre = r.mean(1)[:, None]
    return centre, r - centre


def whole(matrices: Matrices, problem: Problem, b: Backend, options: Options) -> Built:
    """Build the average with the backbone at every matrix."""
    (batch, points, channels), d = shape_of(problem), dimension_of(problem)
    of, activation, together = matrices(problem, b), b.activation("silu"), not is_set(problem)

    def backbone(x: Any, weights: Tensors) -> Any:
        seen = x.reshape(*x.shape[:2], -1) if together else x
        hidden = activation(seen @ weights["A"].T + weights["a"])
        said = hidden @ weights["B"].T
        if together:
            return said.reshape(x.shape)
        return said + (hidden.mean(2) @ weights["D"].T)[:, :, None]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        centre, p = _centred(inputs["r"])
        q = of(p, inputs)
        shape = batch, q.shape[1], points, channels
        h = b.broadcast(inputs["h"][:, None], shape)
        said = backbone(b.concatenate((p[:, None] @ q, h), 3), weights)
        back = (said[..., :d] @ q.swapaxes(2, 3)).mean(1)
        return {"y": centre + back, "s": said[..., d:].mean(1)}

    return Built(call)


def once(
    every: Mapping[int, Signs],
    proper: bool,
    problem: Problem,
    b: Backend,
    options: Options,
) -> Built:
    """Build the average over V diag(signs) with what is linear computed once."""
    (batch, points, channels), d = shape_of(problem), dimension_of(problem)
    hidden, together, signs = hidden_of(problem), not is_set(problem), np.array(every[d])
    first, last = b.table(signs), b.table(signs.T / len(signs))
    turned = right_handed(b, d) if proper else lambda v: v
    activation = b.activation("silu")
    within = points if together else 1  # points that one product takes in
    rows = batch if together else batch * points

    def rowwise(a: Any) -> Any:
        return a.reshape(rows, within * a.shape[2])

    def columns(w: Any) -> tuple[Any, Any]:
        """Return the part of a matrix for positions [d, within, hidden] and for h."""
        w = w.reshape(within, d + channels, hidden)
        return w[:, :d].swapaxes(0, 1), w[:, d:].reshape(within * channels, hidden)

    def back(w: Any, mean: Any, along: Any) -> tuple[Any, Any]:
        """Return vectors in the frame [d, n, within] and numbers [n, within channels]."""
        vectors, scalars = columns(w)
        return along @ vectors.swapaxes(1, 2), mean @ scalars.T

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        centre, p = _centred(inputs["r"])
        v = turned(_axes(b, p))
        u = (p @ v).reshape(rows, within, d).swapaxes(1, 2).swapaxes(0, 1)
        to_axes, to_features = columns(weights["A"].T)
        pre = first @ (u @ to_axes).reshape(d, rows * hidden)
        still = rowwise(inputs["h"]) @ to_features + weights["a"]
        z = activation(pre + still.reshape(1, rows * hidden))
        mean, along = z.mean(0).reshape(rows, hidden), (last @ z).reshape(d, rows, hidden)
        q, s = back(weights["B"], mean, along)
        q = q.reshape(d, batch, points).swapaxes(0, 1).swapaxes(1, 2)
        s = s.reshape(batch, points, channels)
        if not together:
            pooled = mean.reshape(batch, points, hidden).mean(1)
            pooled_along = along.reshape(d, batch, points, hidden).mean(2)
            more_q, more_s = back(weights["D"], pooled, pooled_along)
            q, s = q + more_q.reshape(d, batch).T[:, None], s + more_s[:, None]
        return {"y": centre + q @ v.swapaxes(1, 2), "s": s}

    return Built(call)


ALGORITHMS = (
    *(
        Algorithm(
            operation,
            "whole",
            f"the backbone at every {what}",
            partial(whole, matrices),
            supports=supports,
            papers=papers,
        )
        for operation, what, matrices, papers in (
            ("frame_averaging", "frame", _all_signs, ("puny2022",)),
            ("frame_averaging_proper", "frame", _proper, ("puny2022",)),
            ("frame_sampling", "frame that is drawn", _drawn, ("duval2023",)),
            ("minimal_frame", "frame, which is one", _by_moments, ("lin2024",)),
            ("group_averaging", "element", _of_group, ("puny2022",)),
        )
    ),
    *(
        Algorithm(
            operation,
            "once",
            "linear layers once, activations at every frame",
            partial(once, signs, proper),
            supports=supports,
            papers=("puny2022",),
        )
        for operation, signs, proper in (
            ("frame_averaging", SIGNS, False),
            ("frame_averaging_proper", PROPER, True),
        )
    ),
)
