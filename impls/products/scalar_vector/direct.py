"""Products of scalars and vectors, written out: elementwise products, one sum, one rotation."""

from __future__ import annotations

from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.backend import Backend


def direct(problem: Problem, backend: Backend) -> Built:
    """Build the algorithm in a framework."""
    cross = bool(problem.sizes["cross"])

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        s, v = inputs["x"][..., :1], inputs["x"][..., 1:]
        t, u = inputs["y"][..., :1], inputs["y"][..., 1:]
        parts = [s * t, (v * u).sum(-1)[..., None], s * u, t * v]
        if cross:
            for i, j in ((1, 2), (2, 0), (0, 1)):
                parts.append((v[..., i] * u[..., j] - v[..., j] * u[..., i])[..., None])
        return {"z": backend.concatenate(parts, -1)}

    return Built(call, kernel="elementwise products")
