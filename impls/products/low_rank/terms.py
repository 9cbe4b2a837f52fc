"""The terms as three matrix products: z = ((x B) * (y C)) A^T."""

from __future__ import annotations

from impls.families.ranked_product import rank_of
from impls.implementation import Built, Tensors
from impls.problem import Problem
from impls.products.backend import Backend
from impls.products.low_rank.factors import factors


def terms(problem: Problem, backend: Backend) -> Built:
    """Build the algorithm in a framework."""
    of_x, of_y, to_z = factors(problem)
    first, second, back = (backend.table(a) for a in (of_x, of_y, to_z.T))

    def call(inputs: Tensors, weights: Tensors) -> Tensors:
        x, y = inputs["x"], inputs["y"]
        shape = x.shape[:-1]
        values = (x.reshape(-1, x.shape[-1]) @ first) * (y.reshape(-1, y.shape[-1]) @ second)
        return {"z": (values @ back).reshape(*shape, back.shape[1])}

    return Built(call, kernel=f"matrix products with {rank_of(problem)} terms")
