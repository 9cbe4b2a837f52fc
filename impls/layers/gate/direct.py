"""Gate item by item: activations of invariants, and one product for each other irrep."""

from __future__ import annotations

from impls.families.feature import irreps_of
from impls.implementation import Built, Tensors
from impls.layers.gate.operation import gates_of
from impls.layers.pointwise import Layer
from impls.problem import Problem


def direct(problem: Problem, layer: Layer) -> Built:
    """Build the layer in a framework."""
    irreps = irreps_of(problem)
    slices, gates = irreps.slices(), gates_of(irreps)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = inputs["x"]
        opened = {gate: layer.sigmoid(x[..., slices[gate]]) for gate in set(gates.values())}
        parts = [
            opened[gates[i]] * x[..., part] if i in gates else layer.activation(x[..., part])
            for i, part in enumerate(slices)
        ]
        return {"z": layer.arrays.concatenate(parts, -1)}

    return Built(call, kernel="elementwise")
