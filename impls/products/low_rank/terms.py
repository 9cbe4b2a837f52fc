"""Low-rank product as three matrix products with R terms: z = ((x B) * (y C)) A^T [@lin2025].

O(R (dim1 + dim2 + dim3)) multiplications; every path approximately, no symmetry exactly.
"""

from __future__ import annotations

from impls.algorithm import Algorithm, Options
from impls.backends import Backend
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.low_rank.factors import RANK, factors


def terms(problem: Problem, b: Backend, options: Options) -> Built:
    """Build the algorithm in a framework."""
    of_x, of_y, to_z = factors(problem)
    first, second, back = (b.table(a) for a in (of_x, of_y, to_z.T))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, y = inputs["x"], inputs["y"]
        shape = x.shape[:-1]
        values = (x.reshape(-1, x.shape[-1]) @ first) * (y.reshape(-1, y.shape[-1]) @ second)
        return {"z": (values @ back).reshape(*shape, back.shape[1])}

    return Built(call, kernel=f"matrix products with {RANK.of(problem)} terms")


ALGORITHM = Algorithm(
    "low_rank", "terms", "matrix products with R terms", terms, papers=("lin2025",)
)
