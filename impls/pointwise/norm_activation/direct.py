"""Norm activation item by item: a norm, an activation, a product.

O(dim) for each channel; irreps do not mix [@thomas2018].
"""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.feature import activation_of, invariant, irreps_in_of
from impls.implementation import Built, Tensors
from impls.problem import Problem


def direct(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer."""
    irreps = irreps_in_of(problem)
    activation = b.activation(activation_of(problem))
    items = [(invariant(ir), part) for (_, ir), part in zip(irreps, irreps.slices(), strict=True)]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, parts = inputs["x"], []
        for i, (is_invariant, part) in enumerate(items):
            a, offset = x[..., part], weights["b"][i][:, None]
            if is_invariant:
                parts.append(activation(a + offset))
            else:
                parts.append(activation(b.norm(a) + offset) * a)
        return {"z": b.concatenate(parts, -1)}

    return Built(call, kernel="elementwise, one norm per irrep")


ALGORITHM = Algorithm(
    "norm_activation",
    "direct",
    "elementwise, one norm an irrep",
    direct,
    papers=("thomas2018",),
)
