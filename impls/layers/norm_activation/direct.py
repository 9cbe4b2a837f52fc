"""Norm activation item by item: a norm, an activation, a product."""

from __future__ import annotations

from impls.families.feature import invariant, irreps_of
from impls.implementation import Built, Tensors
from impls.layers.pointwise import Layer
from impls.problem import Problem


def direct(problem: Problem, layer: Layer) -> Built:
    """Build the layer in a framework."""
    irreps = irreps_of(problem)
    items = [(invariant(ir), part) for (_, ir), part in zip(irreps, irreps.slices(), strict=True)]

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, parts = inputs["x"], []
        for i, (is_invariant, part) in enumerate(items):
            a, offset = x[..., part], weights["b"][i][:, None]
            if is_invariant:
                parts.append(layer.activation(a + offset))
            else:
                parts.append(layer.activation(layer.norm(a) + offset) * a)
        return {"z": layer.arrays.concatenate(parts, -1)}

    return Built(call, kernel="elementwise, one norm per irrep")
