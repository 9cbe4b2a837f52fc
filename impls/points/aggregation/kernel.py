"""The kernel of convolutions with the identity as its coupling: no message is stored.

Edges are sorted by receiver in the call. O(L^2) for each edge and channel [@geiger2022].
"""

from __future__ import annotations

import numpy as np

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.families.points import irreps_of
from impls.implementation import Built, Tensors
from impls.inputs.named import counts_of
from impls.kernels import memory, support
from impls.kernels.graph import Convolution
from impls.problem import Problem


def kernel(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm."""
    dim = irreps_of(problem)[0].dim
    form = Convolution((dim, 1, dim), ((0, 0, 0, np.eye(dim)[:, None]),))
    convolution, harmonic = b.convolution(form), b.table(np.ones((counts_of(problem)[1], 1)))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        w = inputs["a"][:, None]
        return {"z": convolution(inputs["x"], harmonic, w, inputs["src"], inputs["dst"])}

    lies = memory.packed(b.target, {"x": memory.CHANNELS_INNERMOST})
    return Built(call, kernel="native, messages not stored", runs=support.RUNS, **lies)


ALGORITHM = Algorithm(
    "aggregation",
    "kernel",
    "messages not stored, one kernel",
    kernel,
    refuses=support.refuses,
    papers=("geiger2022",),
)
