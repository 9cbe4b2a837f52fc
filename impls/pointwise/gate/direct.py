"""Gate item by item: activations of invariants, and one product for each other irrep.

O(dim) for each channel; irreps do not mix [@weiler2018].
"""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.feature import activation_of, irreps_in_of
from impls.implementation import Built, Tensors
from impls.pointwise.gate.operation import gates_of
from impls.problem import Problem


def direct(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the layer."""
    irreps = irreps_in_of(problem)
    activation = b.activation(activation_of(problem))
    slices, gates = irreps.slices(), gates_of(irreps)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = inputs["x"]
        opened = {gate: b.sigmoid(x[..., slices[gate]]) for gate in set(gates.values())}
        parts = [
            opened[gates[i]] * x[..., part] if i in gates else activation(x[..., part])
            for i, part in enumerate(slices)
        ]
        return {"z": b.concatenate(parts, -1)}

    return Built(call, kernel="elementwise")


ALGORITHM = Algorithm(
    "gate",
    "direct",
    "elementwise",
    direct,
    papers=("weiler2018", "geiger2022"),
)
