"""Low-rank product in JAX: three matrix products with R terms [@lin2025].

O(R (dim1 + dim2 + dim3)) multiplications; every path approximately, no symmetry exactly. See
`terms`.
"""

from __future__ import annotations

from collections.abc import Mapping

from impls.implementation import Built, Implementation, Target
from impls.problem import Problem, Scalar
from impls.products.backend import jax_backend
from impls.products.low_rank.terms import terms


def _build(problem: Problem, target: Target, options: Mapping[str, Scalar]) -> Built:
    return terms(problem, jax_backend(problem))


IMPLEMENTATION = Implementation(
    operation="low_rank",
    name="jax_terms",
    framework="jax",
    build=_build,
    papers=("lin2025",),
)
