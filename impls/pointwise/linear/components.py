"""One batched matrix product over components, with the weights of each repeated for its m.

Native arrays are [components, batch, channels], so that every factor is a matrix with channels
innermost. O(L^2 C^2) for each sample [@geiger2022].
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.implementation import Built, Tensors
from impls.pointwise.linear.operation import blocks_of
from impls.problem import Problem


def components(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    blocks = blocks_of(problem)
    rows = np.concatenate([np.arange(block.part.start, block.part.stop) for block in blocks])
    which = b.index(np.repeat(np.arange(len(blocks)), [block.ir.dim for block in blocks]))
    order = b.index(rows)

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        return {"z": b.bmm(inputs["x"], b.gather(weights["w"], which))}

    def pack(inputs: Tensors, weights: Tensors) -> tuple[Tensors, Tensors]:
        return {"x": b.contiguous(_turned(b.take(inputs["x"], order)))}, weights

    def unpack(outputs: Tensors) -> Tensors:
        return {"z": outputs["z"].swapaxes(0, 1).swapaxes(1, 2)}

    return Built(
        call,
        pack,
        unpack,
        layout="components, batch, channels",
        kernel="one batched matrix product",
    )


def _turned(x: Any) -> Any:
    """Return [components, batch, channels] of [batch, channels, components]."""
    return x.swapaxes(1, 2).swapaxes(0, 1)


ALGORITHM = Algorithm(
    "linear",
    "components",
    "one batched product, components outermost",
    components,
    papers=("geiger2022",),
)
