"""Products of scalars and vectors, written out: elementwise products, one sum, one rotation.

10 multiplications for each channel, 16 with the cross product; no degree 2 [@schutt2021]
[@jing2021].
"""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.scalar_vector.operation import crosses


def direct(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm in a framework."""
    cross = crosses(problem)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        s, v = inputs["x"][..., :1], inputs["x"][..., 1:]
        t, u = inputs["y"][..., :1], inputs["y"][..., 1:]
        parts = [s * t, (v * u).sum(-1)[..., None], s * u, t * v]
        if cross:
            for i, j in ((1, 2), (2, 0), (0, 1)):
                parts.append((v[..., i] * u[..., j] - v[..., j] * u[..., i])[..., None])
        return {"z": b.concatenate(parts, -1)}

    return Built(call, kernel="elementwise products")


ALGORITHM = Algorithm(
    "scalar_vector",
    "direct",
    "products written out",
    direct,
    papers=("schutt2021", "jing2021", "satorras2021"),
)
