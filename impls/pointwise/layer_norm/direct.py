"""Layer norm irrep by irrep: a mean square, a root, a product.

O(L^2) for each channel; irreps do not mix [@liao2023].
"""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.feature import irreps_in_of
from impls.implementation import Built, Tensors
from impls.pointwise.layer_norm.operation import EPSILON, offsets_of
from impls.problem import Problem


def direct(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    offsets, dims = offsets_of(problem), [ir.dim for _, ir in irreps_in_of(problem)]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        parts = []
        for item, (row, a) in enumerate(zip(offsets, b.split(inputs["x"], dims, 2), strict=True)):
            if row is not None:
                a = a - a.mean(1)[:, None]
            size = (a * a).mean((1, 2)) + EPSILON
            normed = a * (weights["g"][item] * (size**-0.5)[:, None])[:, :, None]
            parts.append(normed if row is None else normed + weights["b"][row][:, None])
        return {"z": b.concatenate(parts, -1)}

    return Built(call, kernel="elementwise, one mean square an irrep")


ALGORITHM = Algorithm(
    "layer_norm",
    "direct",
    "elementwise, one mean square an irrep",
    direct,
    papers=("liao2023",),
)
