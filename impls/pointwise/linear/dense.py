"""A matrix product for each irrep, in the canonical layout [batch, channels, components].

Components are innermost there and channels are not, so that each product is many small ones:
O(L^2 C^2) for each sample [@geiger2022].
"""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.implementation import Built, Tensors
from impls.pointwise.linear.operation import blocks_of
from impls.problem import Problem


def dense(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    blocks = blocks_of(problem)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x = inputs["x"].swapaxes(1, 2)
        mixed = [x[:, block.part] @ weights["w"][i] for i, block in enumerate(blocks)]
        return {"z": b.concatenate(mixed, 1).swapaxes(1, 2)}

    return Built(call, kernel="one matrix product an irrep")


ALGORITHM = Algorithm(
    "linear", "dense", "one matrix product an irrep", dense, papers=("geiger2022",)
)
